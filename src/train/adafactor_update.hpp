// SPDX-License-Identifier: MIT
// One tensor's step of Adafactor, twice: by tensor operations on any device, and by kernels.
#pragma once

#include <ATen/core/Tensor.h>

#include "train/kernels/random_bits.hpp"

namespace lldm {

/// Of a matrix rows [rows] and columns [columns], of another tensor `second` in its shape; float32.
struct AdafactorMoments {
  at::Tensor row, column, second;
};

struct AdafactorStep {
  double gradient_scale = 1;  // that clipping asks for
  double share = 1;           // of this step's squares in the moments
  double learning_rate = 0, weight_decay = 0;
  bool is_relative = false;
  bool is_stochastic = false;  // rounding of a bfloat16 weight, by `place`
  RandomPlace place = {};
};

// Shazeer & Stern 2018, section 9.
inline constexpr double kAdafactorLeastSquare = 1e-30, kAdafactorLeastScale = 1e-3,
                        kAdafactorLargestUpdate = 1;

/// Updates weights and moments; the gradient stays.  `value` is float32 or bfloat16.
void adafactor_by_operations(const AdafactorStep& step, at::Tensor value,
                             const at::Tensor& gradient, const AdafactorMoments& moments);
/// The same of a matrix on the CPU, but for the order of float64 sums, which depends neither on
/// threads nor on the processor; the gradient is cleared.
void adafactor_on_cpu(const AdafactorStep& step, const at::Tensor& value,
                      const at::Tensor& gradient, const AdafactorMoments& moments);

}  // namespace lldm
