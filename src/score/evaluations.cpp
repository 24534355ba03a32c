// SPDX-License-Identifier: MIT
#include "score/evaluations.hpp"

#include <ATen/ops/tensor.h>

#include <algorithm>

namespace lldm {

void note_evaluations(const ScoreBatch& batch, ScoreSet& set) {
  if (!set.parts.defined()) return;
  const std::int64_t width = set.parts.size(2);
  std::vector<double> counts, times;
  bool has_times = true;
  for (const ScorePlan& plan : batch.plans) {
    const std::int64_t asked = std::max<std::int64_t>(plan.asked, plan.copies());
    counts.push_back(static_cast<double>(asked));
    has_times =
        has_times && !plan.times.empty() && static_cast<std::int64_t>(plan.times.size()) == asked;
    times.insert(times.end(), plan.times.begin(), plan.times.end());
    times.resize(counts.size() * static_cast<std::size_t>(width), 0.0);
  }
  const std::int64_t groups = batch.groups(), size = batch.group_size;
  set.auxiliary["evaluations"] = at::tensor(counts, at::kDouble).view({groups, size});
  if (has_times)
    set.auxiliary["times"] = at::tensor(times, at::kDouble).view({groups, size, width});
}

}  // namespace lldm
