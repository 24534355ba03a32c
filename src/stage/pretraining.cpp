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

std::vector<UnreadKey> PretrainingKind::unread(const Value& own) {
  std::vector<UnreadKey> keys = TrainingKind::unread(own);
  for (const char* key : {"shared_draws", "reference"}) keys.push_back({key, kNoReference});
  keys.push_back({"score_padding", kNoCanvas});
  keys.push_back({"prompt_boundary", kNoCanvas});
  keys.push_back({"draws_epochs", "it belongs to sft and preference stages"});
  return keys;
}

StageFacts PretrainingKind::facts(const Options& options) {
  return facts_of(options, RowsWanted::texts);
}

void PretrainingKind::check(const Options& options, StageFit& fit) {
  for (const StageRows& rows : fit.stage.facts.rows)
    if (!rows.data.options.file.empty() && rows.data.has_take())
      fit.error(rows.key, "take is not read here: a pretraining stage reads texts, not pairs",
                "remove it; take = \"chosen\" of a file of pairs is for sft stages");
  if (options.benchmarks && options.data.is_corpus())
    fit.error("benchmarks", "benchmarks is not read here: a corpus has no rows to look at",
              "lldm data pack --benchmarks looks at the texts when they are packed");
  check_parts(options, fit, 1);
}

}  // namespace lldm
