// SPDX-License-Identifier: MIT
// The tensors of a block in the order of a model folder: the one list that loading, saving,
// initialisation and the backward pass go by.
#pragma once

#include <array>

#include "lldm/model/weight_store.hpp"
#include "model/family.hpp"

namespace lldm {

using VectorOf = at::Tensor BlockWeights::*;
using MatrixOf = Matrix BlockWeights::*;

/// A matrix or a vector.
struct BlockTensor {
  constexpr BlockTensor(MatrixOf member, const char* TensorNames::* name)
      : matrix(member), module(name), ending(".weight") {}
  constexpr BlockTensor(VectorOf member, const char* TensorNames::* name, const char* end)
      : vector(member), module(name), ending(end) {}

  MatrixOf matrix = nullptr;
  VectorOf vector = nullptr;
  const char* TensorNames::* module;
  const char* ending;

  /// What a gradient can reach; undefined of what the family does not have, and of a matrix of
  /// codes.
  [[nodiscard]] at::Tensor trainable(const BlockWeights& block) const {
    if (vector) return block.*vector;
    return (block.*matrix).has_numbers() ? (block.*matrix).values() : at::Tensor();
  }
};

inline constexpr std::array<BlockTensor, 19> kBlockTensors = {{
    {&BlockWeights::attn_norm, &TensorNames::attn_norm, ".weight"},
    {&BlockWeights::q_proj, &TensorNames::q_proj},
    {&BlockWeights::k_proj, &TensorNames::k_proj},
    {&BlockWeights::v_proj, &TensorNames::v_proj},
    {&BlockWeights::qkv_proj, &TensorNames::qkv_proj},
    {&BlockWeights::q_bias, &TensorNames::q_proj, ".bias"},
    {&BlockWeights::k_bias, &TensorNames::k_proj, ".bias"},
    {&BlockWeights::v_bias, &TensorNames::v_proj, ".bias"},
    {&BlockWeights::q_norm, &TensorNames::q_norm, ".weight"},
    {&BlockWeights::k_norm, &TensorNames::k_norm, ".weight"},
    {&BlockWeights::attn_out, &TensorNames::attn_out},
    {&BlockWeights::attn_out_bias, &TensorNames::attn_out, ".bias"},
    {&BlockWeights::ff_norm, &TensorNames::ff_norm, ".weight"},
    {&BlockWeights::ff_proj, &TensorNames::ff_proj},
    {&BlockWeights::up_proj, &TensorNames::up_proj},
    {&BlockWeights::ff_bias, &TensorNames::ff_proj, ".bias"},
    {&BlockWeights::up_bias, &TensorNames::up_proj, ".bias"},
    {&BlockWeights::ff_out, &TensorNames::ff_out},
    {&BlockWeights::ff_out_bias, &TensorNames::ff_out, ".bias"},
}};

/// The place of a member in kBlockTensors.
constexpr std::size_t place_of(MatrixOf member) {
  for (std::size_t i = 0; i < kBlockTensors.size(); ++i)
    if (kBlockTensors[i].matrix && kBlockTensors[i].matrix == member) return i;
  return kBlockTensors.size();
}
constexpr std::size_t place_of(VectorOf member) {
  for (std::size_t i = 0; i < kBlockTensors.size(); ++i)
    if (kBlockTensors[i].vector && kBlockTensors[i].vector == member) return i;
  return kBlockTensors.size();
}

}  // namespace lldm
