// SPDX-License-Identifier: MIT
// A model as a Hugging Face style folder: config.json and model.safetensors, or shards with an
// index.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "lldm/model/transformer.hpp"

namespace lldm {

/// Loads a folder.  Where it has a MANIFEST.json (PublishedFolder writes one), every file is
/// checked against it: the weights while they are read, the others (config.json, tokenizer,
/// template) before.  Weights stored as F16 or BF16 are widened to `dtype`; F64 is never narrowed.
/// Nothing is read from outside the folder and nothing in it is executed; all headers are checked
/// before the first tensor is read.  The result is not trainable until set_trainable(true).
///
/// Errors  DataError: the folder, config.json or the weights are missing (for a name of the hub:
///         which command downloads it), a shard's name or link leaves the folder, or the tensors
///         are not those of the config: every missing, unexpected, repeated and wrongly shaped
///         tensor at once; a file is not what the manifest says, or a number is not finite, by
///         file.
/// A folder that holds an adapter alone (adapter_base.hpp) is loaded with the base that it names,
/// whose bytes are checked against what they were when it was trained; its updates stay beside the
/// weights.
///
/// Cost    hashing takes about 0.6 s a GiB beside the reading, in the same pass.
std::shared_ptr<Transformer> load_transformer(const std::filesystem::path& folder,
                                              const Precision& precision = {},
                                              at::Device device = at::kCPU);
std::shared_ptr<Transformer> load_transformer(const std::filesystem::path& folder,
                                              const LoadOptions& options);

/// The config of a folder alone; other listed files only have to be there.
/// Errors  as load_transformer.
TransformerConfig load_model_config(const std::filesystem::path& folder);

/// Whether a folder's files are bound by a MANIFEST.json; a model from elsewhere has none.
bool has_manifest(const std::filesystem::path& folder);
/// What is said once of a folder that has none.
std::string unbound_note(const std::filesystem::path& folder);

inline constexpr std::int64_t kMaxShardBytes = 5'000'000'000;

struct SaveOptions {
  std::int64_t max_shard_bytes = kMaxShardBytes;
  /// Of the stored numbers: float32, float64, bfloat16 or float16; none: the model's own.
  std::optional<at::ScalarType> dtype = {};
  /// Of single tensors, by name, where `dtype` is none.
  std::map<std::string, at::ScalarType> dtypes = {};
  /// What every file says of itself; {"format": "pt"} is what some readers ask for.
  std::map<std::string, std::string> metadata = {};
};

/// Writes config.json and the weights, in one file or, above `max_shard_bytes`, in shards with an
/// index.  Each file appears complete or not at all; the folder as a whole becomes a model with its
/// last file, so save into a folder that nobody reads yet.  An adapter's updates are added to what
/// is written, shard by shard.  Memory: one shard beside the model
/// where the dtype is another one.
///
/// Errors  Error if the system cannot write, or a number is not finite (also as `dtype`).
void save_transformer(const Transformer& model, const std::filesystem::path& folder,
                      const SaveOptions& options = {});

}  // namespace lldm
