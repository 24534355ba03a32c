// SPDX-License-Identifier: MIT
// The files that hold a folder's weights, and whether they hold what its config.json asks for.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "lldm/model/safetensors.hpp"
#include "lldm/model/transformer_config.hpp"

namespace lldm {

/// All that is wrong with the tensors of a folder.
class Complaints {
 public:
  void add(std::string text) { list_.push_back(std::move(text)); }
  [[nodiscard]] const std::vector<std::string>& list() const { return list_; }
  /// Errors  DataError that lists them, if there are any.
  void finish(const std::filesystem::path& folder) const;

 private:
  std::vector<std::string> list_;
};

struct Shards {
  std::vector<SafetensorsFile> files;
  std::vector<std::filesystem::path> paths;    // what links of a hub's snapshot point to
  std::vector<std::string> names;              // in the folder
  std::map<std::string, std::size_t> file_of;  // tensor -> index of its file
  [[nodiscard]] const TensorEntry& entry(const std::string& tensor) const {
    return files[file_of.at(tensor)].header().tensors.at(tensor);
  }
};

/// Opens model.safetensors, or the shards of an index, which must say exactly what the files hold.
/// Errors  DataError if there is neither, or both, or a shard's name or link leaves the folder.
Shards open_weights(const std::filesystem::path& folder, Complaints& complaints,
                    WeightReading reading = WeightReading::read);

/// Every tensor that is missing, unexpected or of another shape, and those whose dtype cannot be
/// held as `dtype`.
void check_tensors(const Shards& shards, const TransformerConfig& config, at::ScalarType dtype,
                   Complaints& complaints);

/// DataError naming a tensor of the folder (an adapter's base, or its updates) that holds a number
/// which is not finite.
/// Cost    every byte is read, a tensor at a time
void require_finite_weights(const std::filesystem::path& folder);

/// The head's name in a folder of the family.
std::string head_name(const TransformerConfig& config);

std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace lldm
