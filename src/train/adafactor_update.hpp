// SPDX-License-Identifier: MIT
// One tensor's step of Adafactor, twice: by tensor operations on any device, and by kernels.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

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

/// A matrix on the CPU.
struct AdafactorTensor {
  AdafactorStep step;
  at::Tensor value, gradient;
  AdafactorMoments moments;
};
/// The same of many matrices, but for the order of float64 sums, which depends neither on threads
/// nor on the processor; gradients are cleared.  Threads wait for one another four times for 64 M
/// numbers, however many matrices they are.
void adafactor_on_cpu(const std::vector<AdafactorTensor>& tensors);

}  // namespace lldm
