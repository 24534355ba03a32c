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

std::vector<UnreadKey> SftKind::unread(const Value& own) {
  std::vector<UnreadKey> keys = TrainingKind::unread(own);
  for (const char* key : {"shared_draws", "reference"}) keys.push_back({key, kNoReference});
  if (!own.find("score_padding")) keys.push_back({"score_padding"});
  keys.push_back({"random_length_share", kNeverCut});
  return keys;
}

StageFacts SftKind::facts(const Options& options) { return facts_of(options, RowsWanted::answers); }

void SftKind::check(const Options& options, StageFit& fit) { check_parts(options, fit, 1); }

}  // namespace lldm
