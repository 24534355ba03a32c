// SPDX-License-Identifier: MIT
// Models on disk: the Hugging Face layout, read without trusting it.
#pragma once

#include <filesystem>
#include <memory>

#include "lldm/model/llada.hpp"

namespace lldm {

/// Reads config.json and model.safetensors (or model.safetensors.index.json and its shards).
///
/// Errors  DataError, everything wrong at once: tensors missing, unexpected or of another shape, a shard
///         named with a folder in it, a tensor listed for a shard that lacks it; and, for a name like
///         "GSAI-ML/LLaDA-8B-Instruct" that is no folder here, which command downloads it.
std::shared_ptr<Llada> load_llada(const std::filesystem::path& folder, at::ScalarType dtype = at::kFloat,
                                  at::Device device = at::kCPU);

/// The shape of a model folder, without its weights.  Errors as load_llada.
LladaConfig load_llada_config(const std::filesystem::path& folder);

/// Writes config.json and model.safetensors into an existing folder (see PublishedFolder).
void save_llada(const Llada& model, const std::filesystem::path& folder);

}  // namespace lldm
