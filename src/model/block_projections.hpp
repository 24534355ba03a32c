// SPDX-License-Identifier: MIT
// The matrices of a block, what stands beside each, and which are one product.
#pragma once

#include <array>
#include <cstdint>

#include "lldm/model/lora.hpp"
#include "model/block_tensors.hpp"

namespace lldm {

struct Projection {
  MatrixOf weight;
  VectorOf bias;  // null: no family has one
  Lora BlockAdapters::* lora;
  const char* TensorNames::* module;
};

inline constexpr std::array<Projection, 8> kProjections = {{
    {&BlockWeights::q_proj, &BlockWeights::q_bias, &BlockAdapters::q_proj, &TensorNames::q_proj},
    {&BlockWeights::k_proj, &BlockWeights::k_bias, &BlockAdapters::k_proj, &TensorNames::k_proj},
    {&BlockWeights::v_proj, &BlockWeights::v_bias, &BlockAdapters::v_proj, &TensorNames::v_proj},
    {&BlockWeights::qkv_proj, nullptr, &BlockAdapters::qkv_proj, &TensorNames::qkv_proj},
    {&BlockWeights::attn_out, &BlockWeights::attn_out_bias, &BlockAdapters::attn_out,
     &TensorNames::attn_out},
    {&BlockWeights::ff_proj, &BlockWeights::ff_bias, &BlockAdapters::ff_proj,
     &TensorNames::ff_proj},
    {&BlockWeights::up_proj, &BlockWeights::up_bias, &BlockAdapters::up_proj,
     &TensorNames::up_proj},
    {&BlockWeights::ff_out, &BlockWeights::ff_out_bias, &BlockAdapters::ff_out,
     &TensorNames::ff_out},
}};

/// The place of an update in kProjections.
constexpr std::size_t place_of(Lora BlockAdapters::* lora) {
  for (std::size_t i = 0; i < kProjections.size(); ++i)
    if (kProjections[i].lora == lora) return i;
  return kProjections.size();
}

/// The four products of a block: projections [begin, end) of kProjections, read by the same rows.
struct Product {
  std::size_t begin, end;
};
inline constexpr Product kSplitQkv{0, 3}, kFusedQkv{3, 4}, kAttentionOut{4, 5}, kGateUp{5, 7},
    kMlpOut{7, 8};

/// The one that makes queries, keys and values.
inline Product qkv_product(const BlockWeights& weights) {
  return weights.qkv_proj.defined() ? kFusedQkv : kSplitQkv;
}

}  // namespace lldm
