// SPDX-License-Identifier: MIT
#include "lldm/estimator/any_order.hpp"

#include <algorithm>

#include "estimator/plan_builder.hpp"
#include "lldm/config/reader.hpp"

namespace lldm {

AnyOrder::AnyOrder(const Options& options) : options_(options) {
  config::require_legal(options, "[score_estimator] any_order");
}

ScorePlan AnyOrder::plan(const Text& text, const AnyForwardProcess& process,
                         const TextDraws& draws) const {
  ScorePlan plan = start_plan(name(), text, process);
  plan.nominal_copies = nominal_copies(plan.num_scored);
  plan.num_replicates = static_cast<std::int32_t>(options_.replicates);
  const double share = 1.0 / static_cast<double>(options_.replicates);
  for (std::int64_t r = 0; r < options_.replicates; ++r) {
    Stream stream = draws.stream(stream_key(r, 0));
    const std::vector<std::int64_t> order = stream.permutation(plan.num_scored);
    for (auto next = order.begin(); next != order.end(); ++next) {
      std::vector<std::int64_t> masked(next, order.end());
      std::sort(masked.begin(), masked.end());
      append_copy(plan, text, process, masked, {&*next, 1}, share, static_cast<std::int32_t>(r),
                  stream);
    }
  }
  return plan;
}

}  // namespace lldm
