// SPDX-License-Identifier: MIT
// Weights read and hashed in one pass.  Private to src.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lldm/concepts/denoiser.hpp"
#include "lldm/model/safetensors.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {

/// What becomes of the numbers of a file.
struct WeightUse {
  /// Tensors that are read whole; the others in pieces of their flat numbers (read_pieces).
  std::function<bool(const std::string& tensor)> wants_whole;
  /// `values`: from the number `first` on.
  std::function<void(const std::string& tensor, std::int64_t first, const at::Tensor& values)> take;
};

/// Hands every tensor of a file to `use`, in the order of the file, and checks the bytes that were
/// read against the folder's manifest, if it has one.
///
/// Cost    one reading; hashing it takes about 0.6 s a GiB (sha256.hpp), nothing without a manifest
/// Errors  DataError if the file cannot be read, if a number is not finite, or, after the last
///         `take`, if it is not the listed one
void read_sealed_weights(const SafetensorsFile& file, const std::filesystem::path& path,
                         const SealedFolder& sealed, const std::string& name, const WeightUse& use);

/// A model folder's manifest; everything that it lists is checked but the weights, which are hashed
/// while they are read.  A file that is not listed and that a loader would read is refused.
/// Errors  DataError naming each file.
SealedFolder checked_model_folder(const std::filesystem::path& folder);

/// What is wrong with numbers that should be finite: "12 of 4096 numbers are not finite"; nothing
/// if all are.  Reads a tensor of F64, F32, F16 or BF16 once, without a temporary on the CPU.
std::optional<std::string> finite_problem(const at::Tensor& values);

/// Error naming `what` and every tensor that holds a number that is not finite.
void require_finite(const std::vector<NamedParameter>& tensors, const std::string& what);

}  // namespace lldm
