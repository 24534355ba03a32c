// SPDX-License-Identifier: MIT
// A step of adamw_8bit by bitsandbytes' kernel, with what is ours put around it.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "lldm/train/adamw.hpp"
#include "memory/bitsandbytes.hpp"

namespace lldm {

/// One tensor's step number `step`, from 1, in flat tensors on one device.
struct AdamW8BitStep {
  AdamW::Options options;
  double learning_rate = 0, gradient_scale = 1;
  std::int64_t step = 0;
  bool is_stochastic = false;            // rounding of a bfloat16 weight
  at::Tensor value, gradient;            // [n] in one dtype
  at::Tensor first, second;              // uint8 [n]
  at::Tensor first_scale, second_scale;  // float32 [blocks of 256]
  at::Tensor first_map, second_map;      // float32 [256]
};

/// Why the step stays ours, or empty: the library rounds bfloat16 weights to the nearest alone, and
/// decay that is taken off such a weight by itself would be lost in its rounding.
[[nodiscard]] std::string why_adamw_8bit_stays_ours(const AdamW8BitStep& step);

/// The step, as AdamW8Bit says it: decay before the update, and no second moment above zero gets
/// the code of zero.  Gradients are left as they are.
/// Numbers  within a rounding of ours; a code may be its neighbour, where a last bit turns it.
void adamw_8bit_by_bitsandbytes(const memory::Bitsandbytes& library, const AdamW8BitStep& step,
                                std::int64_t numbers_of_call = std::int64_t{1} << 24);

/// Whether three steps on `device` come out as the host's: empty, or what was wrong.
[[nodiscard]] std::string adamw_8bit_trial(const memory::Bitsandbytes& library, at::Device device);

/// The library that does this step: of a GPU, on CUDA's default stream, to which the library gives
/// its work, after a trial at the first call; nullptr where the step is ours.
[[nodiscard]] const memory::Bitsandbytes* bitsandbytes_for(const AdamW8BitStep& step);

}  // namespace lldm
