// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

namespace lldm {

using config::Value;

config::Value PreferenceKind::defaults() {
  Value table;
  table.set("forward_process", component_table("masked"));
  table.set("score_estimator", component_table("monte_carlo_elbo"));
  table.set("objective", component_table("dpo"));
  return table;
}

std::vector<std::string> PreferenceKind::file_defaults(const Value*) {
  return {"forward_process", "score_estimator", "objective", "optimizer"};
}

StageFacts PreferenceKind::facts(const Options& options, const BoundRows& rows) {
  return facts_of(options, rows, RowsWanted::pairs_or_ranked);
}

void PreferenceKind::check(const Options& options, StageFit& fit) { check_parts(options, fit, 2); }

}  // namespace lldm
