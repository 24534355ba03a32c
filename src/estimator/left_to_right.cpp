// SPDX-License-Identifier: MIT
#include "lldm/estimator/left_to_right.hpp"

#include <numeric>

#include "estimator/plan_builder.hpp"

namespace lldm {

ScorePlan LeftToRight::plan(const Text& text, const AnyForwardProcess& process,
                            const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process);
  plan.nominal_copies = nominal_copies(plan.num_scored);
  Stream unused = draws.stream(0);  // absorbing noise draws nothing
  std::vector<std::int64_t> positions(static_cast<std::size_t>(plan.num_scored));
  std::iota(positions.begin(), positions.end(), 0);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    const auto masked = std::span(positions).subspan(i);
    append_copy(plan, text, process, masked, masked.first(1), 1.0, 0, unused);
  }
  return plan;
}

}  // namespace lldm
