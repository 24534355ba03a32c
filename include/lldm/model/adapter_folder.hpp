// SPDX-License-Identifier: MIT
// A LoRA adapter as PEFT writes it: adapter_config.json and adapter_model.safetensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "lldm/model/lora.hpp"
#include "lldm/model/transformer.hpp"

namespace lldm {

/// Reads a folder.  Rank and alpha follow rank_pattern and alpha_pattern.
///
/// Errors  DataError: a file is missing; another kind of adapter, or one with DoRA, biases, saved
///         modules or transposed matrices, by its key; tensors that are no pair, or whose shapes do
///         not fit adapter_config.json.
/// Source  peft, src/peft/tuners/lora and utils/save_and_load.py.
std::vector<LoraUpdate> load_adapter(const std::filesystem::path& folder);

/// Writes a folder that PEFT reads: tensors with its names, float32 (float64 if they are), and a
/// config that says rank, alpha and matrices of each, so that the same scales are read back, and
/// the `base` they belong to (a path or a name of the hub).
/// Errors  Error if the system cannot write, or a number is not finite.
void save_adapter(const std::vector<LoraUpdate>& updates, const std::filesystem::path& folder,
                  const std::string& base = "");

/// Adds every update to the model's weights.
/// Errors  DataError naming every update whose matrix no block has, or has in another shape: then
///         nothing is changed.  ConfigError if the weights are not plain, or have an adapter.
void merge_adapter(Transformer& model, const std::vector<LoraUpdate>& updates,
                   const std::filesystem::path& folder);

}  // namespace lldm
