// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lldm/concepts/adaptation.hpp"
#include "lldm/concepts/any_denoiser.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/score/engine.hpp"
#include "lldm/score/finite_scores.hpp"
#include "lldm/train/loss_scale.hpp"
#include "lldm/train/memory_retries.hpp"
#include "lldm/train/reduction.hpp"
#include "lldm/train/train_options.hpp"
#include "lldm/train/training_rows.hpp"

namespace lldm {

class ProcessGroup;
struct PartReport;
struct ShareReport;
struct StepPart;

/// Where a training run stands between two steps.
struct TrainingProgress {
  std::int64_t step = 0;              // optimizer steps done
  std::map<std::string, Mean> since;  // metrics of the steps since the last line of the log
  AdaptationState adaptation = {};    // of an estimator of adaptive cost
  MemoryRetries memory = {};
  LossScale loss_scale = {};  // of products in float16
};

/// Who hears of a training run: writes metrics and checkpoints, and may ask it to stop.
class TrainingObserver {
 public:
  virtual ~TrainingObserver() = default;
  /// After every `logging_steps` steps and the last one; means over the steps since the last call.
  virtual void on_log(std::int64_t /*step*/, std::int64_t /*total*/,
                      const std::map<std::string, double>& /*metrics*/) {}
  /// After a validation pass.
  virtual void on_validation(std::int64_t /*step*/,
                             const std::map<std::string, double>& /*metrics*/) {}
  /// After a step did not fit into memory and before it is done once more, with the settings that
  /// the run then keeps.
  virtual void on_retry(std::int64_t /*step*/, const MemoryRetries& /*memory*/,
                        const std::string& /*reason*/) {}
  /// Memory was short, or a purpose passed its soft budget: what was given up before this step
  /// ("look_ahead", "logits_chunk", "kept_blocks"), and its bytes.
  virtual void on_reclaim(std::int64_t /*step*/, std::string_view /*what*/,
                          std::int64_t /*bytes*/) {}
  /// A step's gradient was not finite at the loss scale of float16, and nothing was updated; from
  /// now on it is what `scale` says.
  virtual void on_skip(std::int64_t /*step*/, const LossScale& /*scale*/) {}
  /// When a checkpoint is due, with the optimizer whose state belongs to it.
  virtual void on_save(const TrainingProgress& /*progress*/, const Optimizer& /*optimizer*/) {}
  /// Asked after every step; true, on any process, saves and throws Stopped.
  virtual bool should_stop() { return false; }
};

/// What a trainer works on, beside its three components.
struct TrainingSetup {
  std::shared_ptr<const AnyDenoiser> policy = nullptr;
  /// Frozen; null where the objective needs none, or where `stored_reference` answers for it.
  std::shared_ptr<const AnyDenoiser> reference = nullptr;
  StoredReadouts stored_reference = {};
  std::vector<TrainingRow> rows;
  /// In the place of `rows`, for losses of single texts; null: `rows`.
  std::shared_ptr<const RowSource> source = nullptr;
  std::vector<TrainingRow> validation;
  OptimizerOptions optimizer;
  TrainingRhythm rhythm;
  EngineOptions engine;
  GradientPath path = GradientPath::automatic;
  std::int64_t head_rows = 0;      // of a trained head's logits at once; 0: as many as 256 MiB hold
  bool shared_draws = true;        // policy and reference see one plan; false for ablation only
  std::int64_t draws_epochs = 0;   // epoch e draws as epoch e mod draws_epochs; 0: every one afresh
  double random_length_share = 0;  // pretraining: share of rows cut to a random length
  std::string device = "cpu";
  Draws draws{0, ""};
  ScoreLabels labels = {};  // who is named when a number is not finite
  /// What estimators and objectives allocate is booked as; `unscoped` for a plugin's, so that it
  /// shows.
  MemoryPurpose component_purpose = MemoryPurpose::workspace;
  /// Told the number of a step before its passes, and nothing behind them: a model that draws in
  /// training (dropout) draws by it.
  std::function<void(std::optional<std::int64_t>)> on_passes = {};
  /// Told every micro-batch of plans before it is scored: who counts work looks here.
  std::function<void(const ScoreBatch&)> on_batch = {};
  /// A validation row by its id, where these come from elsewhere than the rows; empty: as the rows.
  std::function<std::string(std::uint64_t)> validation_row = {};
  /// The processes that share every step and validation pass; null: this one alone.  All have the
  /// same set-up and components, and call `run` and `validate` together.
  std::shared_ptr<ProcessGroup> group = {};
  Reduction reduction = Reduction::fast;
  /// Of a policy whose products are in float16; none: a gradient that is not finite ends the run.
  std::optional<LossScaling> loss_scaling = {};

  [[nodiscard]] std::int64_t num_rows() const {
    return source ? source->size() : static_cast<std::int64_t>(rows.size());
  }
};

/// What the objective needs of these rows: labelled ones have one answer each.
/// Errors  DataError where it knows no labels, where pairs and labelled rows are mixed, or where
///         rows have another number of answers.
[[nodiscard]] ObjectiveNeeds needs_of_rows(ObjectiveNeeds needs, const TrainingSetup& setup);

/// One row in one epoch, as a training run scores it.
struct RowUse {
  Purpose purpose = Purpose::noise;  // evaluation: a row of the validation set
  std::uint64_t epoch = 0;           // of the draws
  std::size_t row = 0;               // index into the set-up's rows, or its validation rows
};

/// The trainer's body, compiled once: components arrive as functions.
class TrainerCore {
 public:
  /// `evaluations` is read by estimators of adaptive cost alone.
  using MakePlan =
      std::function<ScorePlan(const Text&, const TextDraws&, std::int64_t evaluations)>;

  TrainerCore(MakePlan plan, std::optional<Adaptation> adaptation, LossFunction loss,
              ObjectiveNeeds needs, TrainingSetup setup);

  /// Continues where `progress` stands until the end.
  /// Errors  of several processes: what one of them throws in a step, all throw; LostRank.
  void run(TrainingObserver& observer, TrainingProgress progress = {});
  /// Mean loss and metrics over the validation rows, with draws that are the same at every call.
  [[nodiscard]] std::map<std::string, double> validate() const;
  [[nodiscard]] Optimizer& optimizer() { return *optimizer_; }
  [[nodiscard]] std::int64_t total_steps() const { return total_; }
  [[nodiscard]] const EngineOptions& engine_options() const { return engine_.options(); }
  /// Everything that the whole run scores, each once: in the order of the steps, then validation.
  /// Errors  ConfigError for an estimator of adaptive cost: what it asks is not known beforehand.
  [[nodiscard]] std::vector<RowUse> row_uses() const;
  /// The plans that the run asks the reference for there: one per answer, then the mismatched one.
  [[nodiscard]] std::vector<ScorePlan> reference_plans(const RowUse& use) const;

 private:
  struct StepReport;
  struct StepRows;
  struct Step;
  /// The rows of a step, cut where the objective trains on random lengths.
  [[nodiscard]] StepRows rows_of(std::int64_t step);
  /// Who is named; rows by their ids among those trained on, or held out.
  [[nodiscard]] ScoreLabels row_labels(bool are_held_out) const;
  [[nodiscard]] std::vector<StepPart> parts_of(const StepRows& chosen) const;
  StepReport train_step(TrainingObserver& observer, TrainingProgress& progress);
  /// Forward and backward passes of a whole step: gradients, and no update.
  ShareReport passes_of(Step& now, TrainingObserver& observer, TrainingProgress& progress) const;
  /// Over the processes: gradients, and the squares of micro-batches that are cut.
  void add_up(Step& now, ShareReport& all) const;
  /// `begun`; where there is no room for it, once more behind what can be given up.
  [[nodiscard]] std::unique_ptr<Step> begun_in_memory(std::int64_t step, const StepRows& chosen,
                                                      TrainingObserver& observer) const;
  [[nodiscard]] std::unique_ptr<Step> begun(std::int64_t step, const StepRows& chosen) const;
  /// Takes over smaller passes; false where a pass is one copy and its graph goes at once already.
  bool shrink(const Step& short_of_memory, MemoryRetries& memory);
  void obey(const MemoryRetries& memory);
  /// Halves the rows whose logits exist at once; the bytes that are fewer, 0 at the least.
  std::int64_t halve_head_chunk(MemoryRetries& memory) const;
  /// Gives up what can be, the step's gradient first; false where nothing changed.
  bool make_room(const Step& short_of_memory, bool has_shrunk, TrainingObserver& observer,
                 MemoryRetries& memory) const;
  PartReport do_part(Step& now, const StepPart& part, std::int64_t evaluations) const;
  ShareReport do_share(Step& now, std::int64_t evaluations) const;
  void require_finite_share(const Step& now) const;
  void adapt(AdaptationState& state, StepReport& report) const;
  struct DonePart;
  /// The gradient of the whole step is there: updates, and sums up what all parts came to.
  StepReport take_step(Step& now, const ShareReport& all, TrainingObserver& observer,
                       TrainingProgress& progress, std::chrono::steady_clock::time_point begin);
  /// Updates by a gradient of this norm; false where its step was skipped.
  bool update(const Step& now, double norm, TrainingObserver& observer, TrainingProgress& progress);
  /// Of this gradient on any process: the loss scale may be too large for it.
  [[nodiscard]] bool is_to_be_skipped(const Step& now, double norm) const;
  [[nodiscard]] ScoreBatch plan_batch(const std::vector<const TrainingRow*>& rows,
                                      const std::vector<std::uint64_t>& epochs, Purpose purpose,
                                      std::int64_t evaluations) const;
  [[nodiscard]] std::uint64_t draws_epoch(std::uint64_t epoch) const;
  [[nodiscard]] Text cut(const Text& text, std::uint64_t epoch, std::uint64_t row) const;
  [[nodiscard]] LossFunction normalised() const;
  [[nodiscard]] PartReport validate_part(const std::vector<const TrainingRow*>& rows,
                                         const StepTotals& totals) const;
  [[nodiscard]] bool reads_micro_batches() const;

  MakePlan plan_;
  std::optional<Adaptation> adaptation_;
  LossFunction loss_;
  ObjectiveNeeds needs_;
  TrainingSetup setup_;
  ScoreEngine<AnyDenoiser> engine_;
  std::unique_ptr<Optimizer> optimizer_;
  RowOrder order_;
  std::int64_t total_;
  std::int64_t most_queries_ = 0;    // of a micro-batch of the last step
  bool keeps_micro_batches_ = true;  // the loss is another one where they are cut
  double last_norm_ = 0;
};

/// The path of a trainer that was told `automatic`: of those that are exact, the fastest that keeps
/// no more than one forward pass: retain only where a micro-batch is one.
GradientPath choose_gradient_path(const TrainingSetup& setup, const ObjectiveNeeds& needs,
                                  Combination combination,
                                  const std::function<std::int64_t(std::int64_t scored)>& copies);

/// Trains a denoiser: rows -> plans (process, estimator) -> scores (engine) -> loss (objective) ->
/// optimizer.
///
/// What is concrete and what is erased: `plan` of E and `evaluate` of O are called with their own
/// types; E sees the process as AnyForwardProcess, as estimators always do; the body and the engine
/// are compiled once, for AnyDenoiser (one virtual call a forward pass).  With the Any types the
/// same code serves every TOML file, bit for bit.
///
/// Random  draws keyed by (stage, epoch, row id, answer, evaluation): batch size, micro-batch and
///         resume point change nothing about them.
template <ForwardProcess P, ScoreEstimator E, Objective O>
class Trainer {
 public:
  Trainer(P process, E estimator, O objective, TrainingSetup setup)
      : core_(
            plans_of(AnyForwardProcess(std::move(process)), estimator), adaptation_of(estimator),
            [objective](const ScoreSet& scores) { return objective.evaluate(scores); },
            objective.needs(), with_path(std::move(setup), estimator, objective.needs())) {}

  /// Of a denoiser of the caller's own, which is trained in place.  Where the objective needs a
  /// reference, none is set and the denoiser has a `frozen_copy()`, that is taken.
  template <Denoiser D>
  Trainer(P process, E estimator, O objective, std::shared_ptr<D> policy, TrainingSetup setup)
      : Trainer(std::move(process), std::move(estimator), objective,
                with_policy(std::move(policy), std::move(setup), objective.needs())) {}

  void run(TrainingObserver& observer, TrainingProgress progress = {}) {
    core_.run(observer, std::move(progress));
  }
  [[nodiscard]] std::map<std::string, double> validate() const { return core_.validate(); }
  [[nodiscard]] Optimizer& optimizer() { return core_.optimizer(); }
  [[nodiscard]] std::int64_t total_steps() const { return core_.total_steps(); }
  /// As steps are done now: after one that did not fit into memory in smaller passes.
  [[nodiscard]] const EngineOptions& engine_options() const { return core_.engine_options(); }
  [[nodiscard]] std::vector<RowUse> row_uses() const { return core_.row_uses(); }
  [[nodiscard]] std::vector<ScorePlan> reference_plans(const RowUse& use) const {
    return core_.reference_plans(use);
  }

 private:
  static TrainerCore::MakePlan plans_of(AnyForwardProcess process, const E& estimator) {
    return [process = std::move(process), estimator](const Text& text, const TextDraws& draws,
                                                     std::int64_t evaluations) {
      if constexpr (requires { estimator.at(evaluations); })
        return estimator.at(evaluations).plan(text, process, draws);
      else
        return estimator.plan(text, process, draws);
    };
  }
  static TrainingSetup with_path(TrainingSetup setup, const E& estimator,
                                 const ObjectiveNeeds& needs) {
    if (setup.path == GradientPath::automatic)
      setup.path = choose_gradient_path(
          setup, needs, estimator.target(1).combination,
          [&](std::int64_t scored) { return estimator.nominal_copies(scored); });
    return setup;
  }
  template <Denoiser D>
  static TrainingSetup with_policy(std::shared_ptr<D> policy, TrainingSetup setup,
                                   const ObjectiveNeeds& needs) {
    if constexpr (requires { AnyDenoiser(policy->frozen_copy()); })
      if (needs.reference && !setup.reference && !setup.stored_reference)
        setup.reference = std::make_shared<const AnyDenoiser>(policy->frozen_copy());
    setup.policy = std::make_shared<const AnyDenoiser>(std::move(policy));
    return setup;
  }
  static std::optional<Adaptation> adaptation_of(const E& estimator) {
    if constexpr (requires { estimator.adaptation(); })
      return estimator.adaptation();
    else
      return std::nullopt;
  }
  TrainerCore core_;
};

extern template class Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective>;

}  // namespace lldm
