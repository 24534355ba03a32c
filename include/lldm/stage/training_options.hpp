// SPDX-License-Identifier: MIT
// The keys of a [[stage]] table of kind "pretraining", "sft" or "preference".
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <tuple>

#include "lldm/config/component_ref.hpp"
#include "lldm/config/field.hpp"
#include "lldm/data/response_length.hpp"
#include "lldm/experiment/data_options.hpp"
#include "lldm/experiment/long_rows.hpp"
#include "lldm/experiment/report_role.hpp"
#include "lldm/experiment/score_padding.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/score/gradient_path.hpp"
#include "lldm/train/reduction.hpp"
#include "lldm/train/train_options.hpp"

namespace lldm {

namespace config {
class OptionsCheck;
}

/// The table `reference`: where the frozen reference's scores come from.
struct ReferenceOptions {
  std::filesystem::path cache;
  static constexpr auto describe() {
    return std::tuple{
        field("cache", &ReferenceOptions::cache,
              "Folder that keeps what the reference says of every plan: computed before the first "
              "step where it is missing, read from then on; no second copy of the weights is held "
              "(docs/reference_cache.md).")};
  }
};

/// The table `settled`: what was chosen of the keys that a file leaves open.
struct SettledStep {
  GradientPath gradient_path = GradientPath::automatic;
  Recomputation recomputation = Recomputation::automatic;
  std::int64_t max_tokens_per_forward = 0;
  std::int64_t pairwise_copies = 0;
  std::int64_t head_rows = 0;
  static constexpr auto describe() {
    using S = SettledStep;
    return std::tuple{
        field("gradient_path", &S::gradient_path, "Of gradient_path = \"auto\"; auto: still open."),
        field("recomputation", &S::recomputation,
              "Of [model] recomputation = \"auto\"; auto: still open."),
        field("max_tokens_per_forward", &S::max_tokens_per_forward,
              "Of max_tokens_per_forward = 0; 0: still open.")
            .range(0, 1 << 26)
            .unit("tokens"),
        field("pairwise_copies", &S::pairwise_copies,
              "Copies of an answer in one pass on the path pairwise; 0: still open.")
            .range(0, 1 << 20),
        field("head_rows", &S::head_rows,
              "Queries whose logits exist at once where the head is trained; 0: still open.")
            .range(0, 1 << 26)
            .unit("queries")};
  }
};

/// A stage that trains: pretraining, sft, preference.
struct TrainingStage {
  std::string name;
  std::string kind;
  ReportRole role = ReportRole::none;
  std::string from;
  DataRef data = {};
  OptimizerOptions optimizer = {};
  ComponentRef<Role::forward_process> forward_process = "masked";
  ComponentRef<Role::score_estimator> score_estimator = {};
  ComponentRef<Role::objective> objective = {};
  ResponseLength response_length = {};
  ScorePadding score_padding = ScorePadding::include;
  std::optional<LongRows> long_rows = {};
  std::optional<PromptBoundary> prompt_boundary = {};
  GradientPath gradient_path = GradientPath::automatic;
  std::int64_t max_tokens_per_forward = 16384;
  std::optional<Reduction> reduction = {};
  bool shared_draws = true;
  ReferenceOptions reference = {};
  std::int64_t draws_epochs = 0;
  double random_length_share = 0.0;
  std::int64_t validation_rows = 0;
  DataRef validation = {};
  std::int64_t logging_steps = 10;
  std::int64_t eval_steps = 0;
  std::int64_t save_steps = 0;
  std::int64_t save_total_limit = 2;
  std::optional<bool> allow_benchmarks = {};
  std::optional<std::filesystem::path> benchmarks = {};
  std::optional<SettledStep> settled = {};

  static constexpr auto describe() {
    using S = TrainingStage;
    return std::tuple{
        field("name", &S::name, "The stage's name: its folder, and how other stages refer to it.")
            .required(),
        field("kind", &S::kind,
              "pretraining, sft, synthesize, preference, evaluate, sample or study.")
            .required(),
        field("role", &S::role, "What the model is in the report's comparison."),
        field(
            "from", &S::from,
            "Earlier stage whose model is trained on (a preference stage's frozen reference too), "
            "or a model folder; empty: a new model."),
        field("data", &S::data, "Rows: { generate = TASK }, { file = PATH } or { stage = NAME }.")
            .required(),
        field("optimizer", &S::optimizer, "How long, how large, how fast."),
        field("forward_process", &S::forward_process, "How text is noised."),
        field("score_estimator", &S::score_estimator, "How the score of a text is estimated."),
        field("objective", &S::objective, "The loss."),
        field(
            "response_length", &S::response_length,
            "Answer canvas: a number of tokens (end-of-text fills it), or \"own\": the answer and "
            "one end-of-text."),
        field(
            "score_padding", &S::score_padding,
            "End-of-text that fills the canvas behind the first: include (scored, and trained on, "
            "as LLaDA's SFT does), exclude (visible, not scored), hide (the model sees none)."),
        field(
            "long_rows", &S::long_rows,
            "Rows longer than the model takes, or than their canvas: error (when left out), drop, "
            "truncate_prompt_left, or truncate_response_right (which keeps the end-of-text).  "
            "Counted and told."),
        field("prompt_boundary", &S::prompt_boundary,
              "separate (when left out): prompt and answer are encoded each by itself, as when "
              "answers are sampled; prefix: the same, and an error where the tokens of both "
              "together do not begin with the prompt's."),
        field("gradient_path", &S::gradient_path, "auto, linear, retain, replay or pairwise."),
        field("max_tokens_per_forward", &S::max_tokens_per_forward,
              "Sequences are packed into one forward up to this many tokens; 0: as many as is "
              "fastest "
              "within [memory] budget, by the device profile.")
            .range(0, 1 << 26)
            .unit("tokens"),
        field("reduction", &S::reduction,
              "How the gradients of a step are added: fast (when left out), or ordered, "
              "micro-batch by micro-batch, which gives the same bits for any number of processes "
              "(docs/several_processes.md)."),
        field("shared_draws", &S::shared_draws,
              "Policy and reference see the same noised copies; false is for ablation only."),
        field("reference", &S::reference, "Where the frozen reference's scores come from."),
        field(
            "draws_epochs", &S::draws_epochs,
            "Epoch e draws its noise as epoch e mod draws_epochs, so that a reference cache of so "
            "many epochs serves any number; 0: every epoch draws afresh.")
            .at_least(0)
            .unit("epochs"),
        field("random_length_share", &S::random_length_share,
              "Pretraining: share of rows cut to a random length (LLaDA: 0.01).")
            .range(0.0, 1.0),
        field(
            "validation_rows", &S::validation_rows,
            "Rows (or pairs) held out from training for validation: all rows of some prompts, "
            "chosen by the seed, so that no prompt is on both sides; at most so many, or those of "
            "one prompt.")
            .at_least(0),
        field("validation", &S::validation,
              "Rows of their own for validation, in the place of validation_rows: { file = PATH }, "
              "{ generate = TASK } or { stage = NAME }, as `data`."),
        field("logging_steps", &S::logging_steps, "Steps between two lines of metrics.")
            .at_least(1),
        field("eval_steps", &S::eval_steps,
              "Steps between two validation passes; 0: at the end only.")
            .at_least(0)
            .renamed_from("evaluate_steps"),
        field("save_steps", &S::save_steps, "Steps between two checkpoints; 0: none.").at_least(0),
        field("save_total_limit", &S::save_total_limit, "Newest checkpoints kept.")
            .at_least(1)
            .renamed_from("keep_checkpoints"),
        field("allow_benchmarks", &S::allow_benchmarks,
              "Train on data that models are measured by (MATH-500, GSM8K's test half ...), which "
              "is refused otherwise; the result says so."),
        field("benchmarks", &S::benchmarks,
              "A file of sets that are refused beside the built-in ones, made by lldm data "
              "benchmark of their rows."),
        field("settled", &S::settled,
              "What a run chose of the keys that are left open, as it wrote into its own "
              "config.resolved.toml; it holds instead of a new choice. It is no part of a work's "
              "hash.")};
  }
  void check(config::OptionsCheck& check) const;
};

}  // namespace lldm
