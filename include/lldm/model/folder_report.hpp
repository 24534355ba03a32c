// SPDX-License-Identifier: MIT
// What a model folder holds, told without loading it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lldm/model/transformer_config.hpp"

namespace lldm {

/// One tensor of a folder, from the header of its file.
struct StoredTensor {
  std::string name;
  std::string dtype;  // the format's own name: "F32", "BF16", ...
  std::vector<std::int64_t> shape;
  std::uint64_t bytes = 0;
  std::string file;
};

/// The update that a folder's adapter has for a matrix.
struct StoredUpdate {
  std::string weight;
  std::int64_t rank = 0;
  double scale = 1;
};

struct FolderReport {
  TransformerConfig config;
  std::filesystem::path weights;      // the folder itself, or the base of an adapter
  std::vector<StoredUpdate> updates;  // of a folder that holds an adapter alone
  std::vector<StoredTensor> tensors;  // by name
  std::uint64_t bytes = 0;            // of all tensors
  std::vector<std::string> files;
  /// What keeps the folder from being loaded: every missing, unexpected and wrongly shaped tensor.
  std::vector<std::string> complaints;
};

/// Reads config.json and the headers of the weights; of a folder that holds an adapter alone those
/// of its base.
/// Errors  DataError: no model folder, a config.json that lldm cannot run, weights without a
///         readable header.
FolderReport inspect_model_folder(const std::filesystem::path& folder);

/// How far one tensor of two folders is apart, in float64.
struct TensorDifference {
  std::string name;
  double largest = 0;  // absolute
  double root_mean_square = 0;
  std::int64_t differing = 0;  // numbers that are not equal
  std::int64_t numbers = 0;
};

struct FolderDifference {
  std::vector<std::string> config;  // lines: key, its value here and there
  std::vector<std::string> only_in_first, only_in_second, other_shape;
  std::vector<TensorDifference> tensors;  // of both, by name
};

/// Compares two folders tensor by tensor, an adapter's by the sums that it gives (in float64); one
/// tensor of each is in memory at a time.
/// Errors  as inspect_model_folder.
FolderDifference compare_model_folders(const std::filesystem::path& first,
                                       const std::filesystem::path& second);

}  // namespace lldm
