// SPDX-License-Identifier: MIT
#include "lldm/sampler/guidance.hpp"

#include <algorithm>
#include <limits>

namespace lldm {

std::vector<std::int64_t> Guidance::unconditional(std::span<const std::int64_t> canvas,
                                                  std::int64_t prompt_length,
                                                  std::int64_t mask) const {
  std::vector<std::int64_t> out(canvas.begin(), canvas.end());
  std::fill_n(out.begin(), prompt_length, mask);
  return out;
}

void Guidance::combine(std::span<double> conditional, std::span<const double> unconditional) const {
  // What has no probability has none with guidance either: -inf minus -inf is not a number.
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  for (std::size_t v = 0; v < conditional.size(); ++v)
    if (conditional[v] != kNever)
      conditional[v] = unconditional[v] + (scale + 1.0) * (conditional[v] - unconditional[v]);
}

}  // namespace lldm
