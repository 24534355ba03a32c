// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

namespace lldm {

using config::Value;

config::Value SftKind::defaults() {
  Value table;
  table.set("forward_process", component_table("masked"));
  table.set("score_estimator",
            component_table("monte_carlo_elbo",
                            {{"draws", Value::integer(1)}, {"count", Value::string("bernoulli")}}));
  table.set("objective", component_table("sft"));
  return table;
}

std::vector<std::string> SftKind::file_defaults(const Value*) {
  return {"forward_process", "optimizer"};
}

StageFacts SftKind::facts(const Options& options, const BoundRows& rows) {
  return facts_of(options, rows, RowsWanted::answers);
}

void SftKind::check(const Options& options, StageFit& fit) { check_parts(options, fit, 1); }

}  // namespace lldm
