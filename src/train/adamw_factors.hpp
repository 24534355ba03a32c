// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>

#include "lldm/train/adamw.hpp"
#include "train/kernels/adamw.hpp"

namespace lldm {

/// Of step number `step`, from 1.
inline AdamWFactors adamw_factors(const AdamW::Options& options, double learning_rate,
                                  double gradient_scale, std::int64_t step) {
  const auto count = static_cast<double>(step);
  const double first = 1 - std::pow(options.beta1, count),
               second = 1 - std::pow(options.beta2, count);
  return {.scale = static_cast<float>(gradient_scale),
          .keep = static_cast<float>(1 - learning_rate * options.weight_decay),
          .first_share = static_cast<float>(1 - options.beta1),
          .beta2 = static_cast<float>(options.beta2),
          .second_share = static_cast<float>(1 - options.beta2),
          .inverse_root = static_cast<float>(1 / std::sqrt(second)),
          .epsilon = static_cast<float>(options.epsilon),
          .rate = static_cast<float>(learning_rate / first)};
}

inline RandomPlace random_place(const WeightRounding& rounding, std::int64_t step,
                                std::size_t tensor) {
  return {rounding.key, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(tensor)};
}

}  // namespace lldm
