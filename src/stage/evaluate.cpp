// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

namespace lldm {

using config::Value;

config::Value EvaluateKind::defaults() {
  Value table;
  table.set("forward_process", component_table("masked"));
  table.set("sampler", component_table("fixed_length"));
  table.set("score_estimator",
            component_table("monte_carlo_elbo", {{"draws", Value::integer(16)},
                                                 {"pairing", Value::string("stratified")}}));
  return table;
}

std::vector<std::string> EvaluateKind::file_defaults(const Value* own) {
  if (!own) return {"forward_process", "score_estimator", "sampler", "task"};
  if (own->find("pairs")) return {"forward_process", "score_estimator"};
  return {"sampler", "task"};
}

std::vector<UnreadKey> EvaluateKind::unread(const Value& own) {
  const bool has_pairs = own.find("pairs") != nullptr, has_task = own.find("task") != nullptr;
  std::vector<UnreadKey> keys;
  if (!has_pairs)
    for (const char* key :
         {"score_estimator", "forward_process", "response_length", "score_padding"})
      keys.push_back({key, "it belongs to evaluation of `pairs`"});
  if (has_pairs && !has_task)
    for (const char* key : {"sampler", "show"})
      keys.push_back({key, "it belongs to evaluation of a `task`"});
  return keys;
}

StageFacts EvaluateKind::facts(const Options& options, const BoundData* rows) {
  StageFacts facts;
  facts.inputs = facts.models = options.models;
  if (rows) {
    facts.rows = StageRows{"pairs", *rows, RowsWanted::pairs};
    if (!rows->options.stage.empty()) facts.inputs.push_back(rows->options.stage);
    facts.scoring = StageScoring{options.forward_process, {options.score_estimator}};
  }
  if (!options.task.type().empty()) {
    facts.sampled = options.models;
    facts.tasks.push_back(options.task);
  }
  return facts;
}

Result EvaluateKind::run(const Options& options, const RunContext& run, const Work& work) {
  return run_evaluation(options, run, work);
}

}  // namespace lldm
