// SPDX-License-Identifier: MIT
#include "lldm/train/learning_rate.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lldm {

double LearningRate::at(std::int64_t step, std::int64_t total) const {
  const auto steps = static_cast<double>(total);
  const auto now = static_cast<double>(step);
  const double warmup = std::floor(warmup_share * steps);
  if (now < warmup) return peak * (now + 1.0) / warmup;
  double share = 1.0;  // of the way from final_share to 1
  if (decay == Decay::cosine && steps > warmup)
    share = 0.5 * (1.0 + std::cos(std::numbers::pi * (now - warmup) / (steps - warmup)));
  if (decay == Decay::stable_then_linear) {
    const double length = std::floor(decay_share * steps);
    if (length > 0) share = std::min(1.0, (steps - now) / length);
  }
  return peak * (final_share + (1.0 - final_share) * share);
}

}  // namespace lldm
