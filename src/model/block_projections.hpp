// SPDX-License-Identifier: MIT
// The matrices of a block that may have a low-rank update beside them.
#pragma once

#include <array>

#include "model/block_tensors.hpp"

namespace lldm {

struct Projection {
  at::Tensor BlockWeights::* weight;
  Lora BlockAdapters::* lora;
  const char* TensorNames::* module;
};

inline constexpr std::array<Projection, 8> kProjections = {{
    {&BlockWeights::q_proj, &BlockAdapters::q_proj, &TensorNames::q_proj},
    {&BlockWeights::k_proj, &BlockAdapters::k_proj, &TensorNames::k_proj},
    {&BlockWeights::v_proj, &BlockAdapters::v_proj, &TensorNames::v_proj},
    {&BlockWeights::qkv_proj, &BlockAdapters::qkv_proj, &TensorNames::qkv_proj},
    {&BlockWeights::attn_out, &BlockAdapters::attn_out, &TensorNames::attn_out},
    {&BlockWeights::ff_proj, &BlockAdapters::ff_proj, &TensorNames::ff_proj},
    {&BlockWeights::up_proj, &BlockAdapters::up_proj, &TensorNames::up_proj},
    {&BlockWeights::ff_out, &BlockAdapters::ff_out, &TensorNames::ff_out},
}};

/// The place of an update in kProjections.
constexpr std::size_t place_of(Lora BlockAdapters::* lora) {
  for (std::size_t i = 0; i < kProjections.size(); ++i)
    if (kProjections[i].lora == lora) return i;
  return kProjections.size();
}

}  // namespace lldm
