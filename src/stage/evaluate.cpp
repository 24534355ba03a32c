// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

#include "lldm/config/options_check.hpp"

namespace lldm {

using config::Value;

void EvaluateStage::check(config::OptionsCheck& check) const {
  const bool has_task = !task.type().empty(), has_pairs = pairs.is_given();
  if (has_task == has_pairs)
    check.error("task",
                has_task ? "an evaluate stage measures a task or pairs, not both"
                         : "an evaluate stage needs something to measure",
                "give `task`, or `pairs`");
  check_pairs(pairs, check);
  if (models.empty())
    check.error("models", "no model to evaluate", "models = [\"<a stage>\", ...]");
}

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
  if (has_task && !has_pairs)
    for (const char* key :
         {"score_estimator", "forward_process", "response_length", "score_padding", "reference"})
      keys.push_back({key, "it belongs to evaluation of `pairs`"});
  if (has_pairs && !has_task)
    for (const char* key : {"sampler", "show"})
      keys.push_back({key, "it belongs to evaluation of a `task`"});
  if (has_pairs && own.text_of("reference").empty()) keys.push_back({"reference"});
  return keys;
}

StageFacts EvaluateKind::facts(const Options& options) {
  StageFacts facts;
  facts.product = StageProduct::none;
  facts.adapter = AdapterUse::none;
  facts.models = options.models;
  add_rows(facts, "pairs", options.pairs, RowsWanted::pairs, options.limit);
  if (!options.reference.empty()) facts.inputs.push_back(options.reference);
  if (!facts.rows.empty())
    facts.scoring = StageScoring{.process = options.forward_process,
                                 .estimators = {options.score_estimator},
                                 .response_length = options.response_length,
                                 .score_padding = options.score_padding};
  if (!options.task.type().empty()) {
    facts.sampled = options.models;
    facts.items.push_back({options.task, options.limit});
  }
  facts.shown_answers = options.show;
  return facts;
}

void EvaluateKind::check(const Options& options, StageFit& fit) {
  fit.require_model("reference", options.reference);
}

}  // namespace lldm
