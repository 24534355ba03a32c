// SPDX-License-Identifier: MIT
#include "train/shared_length.hpp"

#include <algorithm>
#include <span>

namespace lldm {

void weigh_beyond_shared_length(std::vector<ScorePlan>& plans, std::int64_t group_size,
                                double weight) {
  for (std::size_t begin = 0; begin < plans.size(); begin += static_cast<std::size_t>(group_size)) {
    const auto group = std::span(plans).subspan(begin, static_cast<std::size_t>(group_size));
    std::int64_t shared = group.front().num_scored;
    for (const ScorePlan& plan : group) shared = std::min(shared, plan.num_scored);
    for (ScorePlan& plan : group)
      for (Query& query : plan.queries)
        if (query.position - plan.num_prompt >= shared) query.weight *= weight;
  }
}

}  // namespace lldm
