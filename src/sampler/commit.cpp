// SPDX-License-Identifier: MIT
#include "lldm/sampler/commit.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lldm/errors.hpp"

namespace lldm {

std::int64_t commit_quota(std::int64_t masked, std::int64_t steps, std::int64_t step) {
  return masked / steps + (step < masked % steps ? 1 : 0);
}

std::vector<std::int64_t> highest(std::span<const double> confidences, std::int64_t count) {
  const auto size = static_cast<std::int64_t>(confidences.size());
  if (count > size)
    throw ShapeError(message("highest: asked for ", count, " of ", size, " confidences"));
  for (const double value : confidences)
    if (std::isnan(value)) throw ShapeError("highest: a confidence is not a number");
  std::vector<std::int64_t> order(confidences.size());
  std::iota(order.begin(), order.end(), 0);
  const auto at = [&](std::int64_t i) { return confidences[static_cast<std::size_t>(i)]; };
  const auto first = [&](std::int64_t a, std::int64_t b) {
    return at(a) > at(b) || (at(a) == at(b) && a < b);
  };
  std::partial_sort(order.begin(), order.begin() + count, order.end(), first);
  order.resize(static_cast<std::size_t>(count));
  std::ranges::sort(order);
  return order;
}

}  // namespace lldm
