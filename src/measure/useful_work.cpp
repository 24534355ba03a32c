// SPDX-License-Identifier: MIT
#include "lldm/measure/useful_work.hpp"

#include <vector>

#include "lldm/score/engine.hpp"

namespace lldm {
namespace {

struct Copies {
  double length = 0;
  std::vector<double> queries;  // [copies]
};

Copies copies_of(const ScorePlan& plan) {
  Copies copies{static_cast<double>(plan.length),
                std::vector<double>(static_cast<std::size_t>(plan.copies()), 0.0)};
  for (const Query& query : plan.queries) ++copies.queries[static_cast<std::size_t>(query.copy)];
  return copies;
}

double matrices(const WorkShape& shape, double length) {
  return 2 * length * shape.model.matrix_values;
}
double attention(const WorkShape& shape, double length) {
  return 4 * static_cast<double>(shape.model.layers) * length * length *
         static_cast<double>(shape.model.attention_width);
}
double head(const WorkShape& shape, double queries) {
  return 2 * queries * static_cast<double>(shape.model.width) *
         static_cast<double>(shape.model.vocabulary);
}
double updates(const WorkShape& shape, double length) {
  return 2 * length * static_cast<double>(shape.adapter_values);
}

/// The frozen reference has no updates of its own to be computed where it is the policy without.
double reference_flops(const WorkShape& shape, double length, double queries) {
  return matrices(shape, length) + attention(shape, length) + head(shape, queries);
}

}  // namespace

double forward_flops(const WorkShape& shape, double length, double queries) {
  return reference_flops(shape, length, queries) + updates(shape, length);
}

double backward_flops(const WorkShape& shape, double length, double queries) {
  const double of_weights = shape.adapter_values > 0 ? 1 : 2;
  return of_weights * (matrices(shape, length) + head(shape, queries)) +
         2 * (attention(shape, length) + updates(shape, length));
}

void UsefulWork::add(const ScoreBatch& batch, const WorkShape& shape) {
  for (const ScorePlan& plan : batch.plans) {
    const Copies copies = copies_of(plan);
    evaluations += plan.copies();
    tokens += plan.copies() * plan.length;
    queries += static_cast<std::int64_t>(plan.queries.size());
    for (const double asked : copies.queries)
      flops +=
          forward_flops(shape, copies.length, asked) + backward_flops(shape, copies.length, asked);
  }
  const auto forwards = [&](const std::vector<ScorePlan>& plans, std::int64_t& count,
                            const auto& flops_of) {
    for (const ScorePlan& plan : plans) {
      const Copies copies = copies_of(plan);
      count += plan.copies();
      for (const double asked : copies.queries) flops += flops_of(shape, copies.length, asked);
    }
  };
  forwards(batch.mismatched_plans, evaluations, forward_flops);
  if (!shape.asks_reference) return;
  forwards(batch.reference_plans.empty() ? batch.plans : batch.reference_plans,
           reference_evaluations, reference_flops);
  forwards(batch.mismatched_plans, reference_evaluations, reference_flops);
}

}  // namespace lldm
