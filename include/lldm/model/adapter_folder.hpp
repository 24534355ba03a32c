// SPDX-License-Identifier: MIT
// A LoRA adapter as PEFT writes it: adapter_config.json and adapter_model.safetensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "lldm/model/transformer.hpp"

namespace lldm {

/// The update of one matrix W [out, in]: W + scale * B A.
struct LoraUpdate {
  std::string weight;  // the matrix's name in the model folder
  at::Tensor a, b;     // [r, in], [out, r]; float32
  double scale = 1;    // alpha / r, or alpha / sqrt(r) with rsLoRA
};

/// Reads a folder.  Rank and alpha follow rank_pattern and alpha_pattern.
///
/// Errors  DataError: a file is missing; another kind of adapter, or one with DoRA, biases, saved
///         modules or transposed matrices, by its key; tensors that are no pair, or whose shapes do
///         not fit adapter_config.json.
/// Source  peft, src/peft/tuners/lora and utils/save_and_load.py.
std::vector<LoraUpdate> load_adapter(const std::filesystem::path& folder);

/// Adds every update to the model's weights.
/// Errors  DataError naming every update whose matrix the model does not have, or has in another
///         shape; then nothing is changed.
void merge_adapter(Transformer& model, const std::vector<LoraUpdate>& updates,
                   const std::filesystem::path& folder);

}  // namespace lldm
