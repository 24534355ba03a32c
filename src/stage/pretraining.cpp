// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

namespace lldm {

using config::Value;

config::Value PretrainingKind::defaults() {
  Value table;
  // Named here so that their own defaults are filled in: config.resolved.toml says all, and is its
  // own resolved form.
  table.set("forward_process", component_table("masked"));
  table.set("score_estimator",
            component_table("monte_carlo_elbo",
                            {{"draws", Value::integer(1)}, {"count", Value::string("bernoulli")}}));
  table.set("objective", component_table("pretraining"));
  table.set("random_length_share", Value::real(0.01));
  return table;
}

std::vector<std::string> PretrainingKind::file_defaults(const Value*) {
  return {"forward_process", "optimizer"};
}

StageFacts PretrainingKind::facts(const Options& options, const BoundRows& rows) {
  return facts_of(options, rows, RowsWanted::texts);
}

void PretrainingKind::check(const Options& options, StageFit& fit) { check_parts(options, fit, 1); }

}  // namespace lldm
