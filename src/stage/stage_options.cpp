// SPDX-License-Identifier: MIT
#include "lldm/stage/stage_options.hpp"

#include "lldm/config/options_check.hpp"
#include "lldm/errors.hpp"
#include "lldm/stage/study_options.hpp"

namespace lldm {
namespace {

void check_length(const config::Value& length, config::OptionsCheck& check) {
  if (length.is_string() && length.as_string() == "own") return;
  if (length.is_integer() && length.as_integer() >= 1) return;
  check.error("response_length", message("response_length is ", length.seen()),
              "legal: \"own\", or a number of tokens from 1");
}

/// Two answers are compared: one of them alone is no pair.
void check_pairs(const config::Value& pairs, config::OptionsCheck& check) {
  if (!pairs.is_table()) return;  // told elsewhere
  const std::string_view take = pairs.text_of("take");
  if (take.empty() || take == "pairs" || (take == "ranked" && pairs.find("stage"))) return;
  check.error("pairs", message("`pairs` reads two answers, take = \"", take, "\" gives others"),
              "remove take");
}

}  // namespace

void TrainingStage::check(config::OptionsCheck& check) const {
  check_length(response_length, check);
  if (kind != "pretraining" && random_length_share > 0)
    check.error("random_length_share", "random_length_share belongs to pretraining stages",
                "remove it: answers are never cut");
  if (kind == "preference" && from.empty())
    check.error("from", "a preference stage needs a model to start from (and as frozen reference)",
                "from = \"<an earlier stage>\"");
  if (kind != "preference" && !shared_draws)
    check.error("shared_draws",
                "shared_draws belongs to preference stages: there is no reference here",
                "remove it");
  if (kind != "preference" && !reference.cache.empty())
    check.error("reference",
                "reference.cache belongs to preference stages: there is no reference here",
                "remove it");
  if (check.is_set("validation") && validation_rows > 0)
    check.error("validation", "`validation` and validation_rows both give rows for validation",
                "give one of them");
  for (const config::Value* rows : {&data, &validation})
    if (kind == "pretraining" && rows->is_table() && rows->find("file") && rows->find("take"))
      check.error("data", "take is not read here: a pretraining stage reads texts, not pairs",
                  "remove it; take = \"chosen\" of a file of pairs is for sft stages");
  if (kind == "pretraining" && draws_epochs > 0)
    check.error("draws_epochs", "draws_epochs belongs to sft and preference stages", "remove it");
  if (kind != "preference" && score_padding == ScorePadding::exclude)
    check.error("score_padding",
                "score_padding belongs to preference stages and evaluation of pairs",
                "remove it: pretraining and sft are normalised with their end-of-text padding");
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
  check_length(response_length, check);
  const bool has_task = !task.type().empty(), has_pairs = !pairs.as_table().empty();
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
  check_length(response_length, check);
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
