// SPDX-License-Identifier: MIT
// The tensors of a block in the order of a model folder: the one list that loading, saving,
// initialisation and the backward pass go by.
#pragma once

#include <array>

#include "lldm/model/transformer.hpp"
#include "model/family.hpp"

namespace lldm {

struct BlockTensor {
  at::Tensor BlockWeights::* member;
  const char* TensorNames::* module;
  const char* ending;
};

inline constexpr std::array<BlockTensor, 19> kBlockTensors = {{
    {&BlockWeights::attn_norm, &TensorNames::attn_norm, ".weight"},
    {&BlockWeights::q_proj, &TensorNames::q_proj, ".weight"},
    {&BlockWeights::k_proj, &TensorNames::k_proj, ".weight"},
    {&BlockWeights::v_proj, &TensorNames::v_proj, ".weight"},
    {&BlockWeights::qkv_proj, &TensorNames::qkv_proj, ".weight"},
    {&BlockWeights::q_bias, &TensorNames::q_proj, ".bias"},
    {&BlockWeights::k_bias, &TensorNames::k_proj, ".bias"},
    {&BlockWeights::v_bias, &TensorNames::v_proj, ".bias"},
    {&BlockWeights::q_norm, &TensorNames::q_norm, ".weight"},
    {&BlockWeights::k_norm, &TensorNames::k_norm, ".weight"},
    {&BlockWeights::attn_out, &TensorNames::attn_out, ".weight"},
    {&BlockWeights::attn_out_bias, &TensorNames::attn_out, ".bias"},
    {&BlockWeights::ff_norm, &TensorNames::ff_norm, ".weight"},
    {&BlockWeights::ff_proj, &TensorNames::ff_proj, ".weight"},
    {&BlockWeights::up_proj, &TensorNames::up_proj, ".weight"},
    {&BlockWeights::ff_bias, &TensorNames::ff_proj, ".bias"},
    {&BlockWeights::up_bias, &TensorNames::up_proj, ".bias"},
    {&BlockWeights::ff_out, &TensorNames::ff_out, ".weight"},
    {&BlockWeights::ff_out_bias, &TensorNames::ff_out, ".bias"},
}};

/// The place of a member in kBlockTensors.
constexpr std::size_t place_of(at::Tensor BlockWeights::* member) {
  for (std::size_t i = 0; i < kBlockTensors.size(); ++i)
    if (kBlockTensors[i].member == member) return i;
  return kBlockTensors.size();
}

}  // namespace lldm
