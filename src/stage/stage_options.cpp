// SPDX-License-Identifier: MIT
#include "lldm/stage/stage_options.hpp"

#include "lldm/config/document.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/errors.hpp"
#include "lldm/stage/study_options.hpp"

namespace lldm {
namespace {

/// Two answers are compared: one of them alone is no pair.
void check_pairs(const DataRef& pairs, config::OptionsCheck& check) {
  const Take take = pairs.options.take;
  if (take == Take::pairs || (take == Take::ranked && !pairs.options.stage.empty())) return;
  check.error("pairs",
              message("`pairs` reads two answers, take = ",
                      config::to_toml(pairs.resolved.find("take")->value), " gives others"),
              "remove take");
}

}  // namespace

void TrainingStage::check(config::OptionsCheck& check) const {
  if (check.is_set("validation") && validation_rows > 0)
    check.error("validation", "`validation` and validation_rows both give rows for validation",
                "give one of them");
  if (eval_steps > 0 && validation_rows == 0 && !check.is_set("validation"))
    check.warning("eval_steps", "eval_steps has no effect with validation_rows = 0",
                  "validation_rows says how many rows are held out");
}

void SynthesizeStage::check(config::OptionsCheck& check) const {
  if (method == SynthesisMethod::sample && from.empty())
    check.error("from", "method = \"sample\" needs a model that answers",
                "from = \"<an earlier stage>\"");
  if (method == SynthesisMethod::sample && samples_per_prompt < 2)
    check.error("samples_per_prompt", "one answer per prompt makes no pair", "legal: 2 to 1024");
  if (method == SynthesisMethod::inject && !from.empty())
    check.error("from", "method = \"inject\" reads no model", "remove `from`");
  if (method == SynthesisMethod::inject && record_steps)
    check.warning("record_steps", "record_steps has no effect with method = \"inject\"",
                  "nothing is sampled: there is no order to keep");
}

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

void SampleStage::check(config::OptionsCheck& check) const {
  if (prompts.empty() == task.type().empty())
    check.error("prompts", "a sample stage needs prompts or a task, exactly one of them",
                "prompts = [\"...\"], or task = { type = ... }");
  if (limit > 0 && !prompts.empty())
    check.warning("limit", "limit has no effect beside `prompts`",
                  "it is how many prompts of a task are used");
}

void StudyStage::check(config::OptionsCheck& check) const {
  check_pairs(pairs, check);
  if (truth_draws % kTruthReplicates != 0)
    check.error("truth_draws", message("truth_draws = ", truth_draws),
                message("legal: 0, or a multiple of ", kTruthReplicates));
  if (score_estimators.empty())
    check.error("score_estimators", "no estimator to study",
                "score_estimators = [{ type = \"monte_carlo_elbo\", draws = 4 }, ...]");
  for (std::size_t a = 0; a < score_estimators.size(); ++a)
    for (std::size_t b = a + 1; b < score_estimators.size(); ++b)
      if (score_estimators[a] == score_estimators[b])
        check.error("score_estimators",
                    message("score_estimators holds entry ", a + 1, " again as entry ", b + 1),
                    "every estimator once: its row is found by its table");
}

}  // namespace lldm
