// SPDX-License-Identifier: MIT
#include "lldm/train/trainer.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "train/gradient_noise.hpp"
#include "train/score_metrics.hpp"
#include "train/step_rows.hpp"

namespace lldm {

struct TrainerCore::StepReport {
  std::map<std::string, Mean> metrics;
  Mean squared_error = {};  // of the margins, nats^2
};

/// What is kept of a micro-batch until the step is taken: to name who gave a number that is not
/// finite.
struct TrainerCore::DonePart {
  std::vector<std::uint64_t> ids;
  ScoreSet scores;
  double loss = 0;
};

namespace {

using Seconds = std::chrono::duration<double>;

void merge(std::map<std::string, Mean>& into, const std::map<std::string, Mean>& from) {
  for (const auto& [name, mean] : from) {
    into[name].sum += mean.sum;
    into[name].count += mean.count;
  }
}

std::map<std::string, double> values(const std::map<std::string, Mean>& means) {
  std::map<std::string, double> result;
  for (const auto& [name, mean] : means)
    if (mean.count != 0) result[name] = mean.value();
  return result;
}

std::vector<std::uint64_t> ids_of(const std::vector<const TrainingRow*>& rows) {
  std::vector<std::uint64_t> ids;
  for (const TrainingRow* row : rows) ids.push_back(row->id);
  return ids;
}

/// Passes as figures of one step (or one validation pass).
void add_passes(std::map<std::string, Mean>& metrics, const PassCounts& passes) {
  const auto add = [&](const char* name, std::int64_t count) {
    metrics[name].sum += static_cast<double>(count);
    metrics[name].count = 1;
  };
  add("forward_passes", passes.nominal);
  add("evaluated_passes", passes.evaluated);
  add("extra_passes", passes.extra);
  add("reference_passes", passes.reference);
}

std::string at_step(std::int64_t step) { return message(" at optimizer step ", step + 1); }

constexpr const char* kNothingUpdated =
    "nothing was updated by this step, and checkpoints saved before are intact; a smaller "
    "learning_rate may help";

}  // namespace

TrainerCore::TrainerCore(MakePlan plan, std::optional<Adaptation> adaptation, LossFunction loss,
                         ObjectiveNeeds needs, TrainingSetup setup)
    : plan_(std::move(plan)),
      adaptation_(adaptation),
      loss_(std::move(loss)),
      needs_(needs_of_rows(needs, setup)),
      setup_(std::move(setup)),
      engine_(setup_.policy, needs.reference ? setup_.reference : nullptr, setup_.device,
              setup_.engine),
      optimizer_(setup_.policy->parameters(), setup_.optimizer.adamw()),
      order_(setup_.draws, setup_.num_rows(),
             setup_.optimizer.batch_size * setup_.optimizer.gradient_accumulation_steps,
             setup_.source ? Shuffle::counter : Shuffle::table),
      total_(setup_.optimizer.total_steps(setup_.num_rows())) {
  if (needs_.reference && setup_.stored_reference)
    engine_.use_stored_reference(setup_.stored_reference);
}

LossFunction TrainerCore::normalised() const {
  return [this](const ScoreSet& scores) {
    ObjectiveResult result = loss_(scores);
    if (!result.loss_sum.defined() || result.loss_sum.dim() != 0 ||
        result.loss_sum.scalar_type() != at::kDouble)
      throw ShapeError(message(
          "the objective's loss_sum must be a float64 scalar, got ",
          result.loss_sum.defined()
              ? message(result.loss_sum.scalar_type(), " of shape ", result.loss_sum.sizes())
              : std::string("an undefined tensor"),
          "\n  sum the losses of all groups: losses.sum()"));
    result.loss_sum = normalised_loss(result, needs_.denominator, scores.totals);
    return result;
  };
}

void TrainerCore::require_finite(const std::vector<DonePart>& parts, double loss,
                                 std::int64_t step) const {
  if (std::isfinite(loss)) return;
  for (const DonePart& part : parts)
    require_finite_loss(part.loss, part.scores, normalised(), part.ids, setup_.labels,
                        at_step(step), kNothingUpdated);
  throw Error(
      message(setup_.labels.where, ": the loss is ", loss, at_step(step), "\n  ", kNothingUpdated));
}

double TrainerCore::update(const std::vector<DonePart>& parts, std::int64_t step) {
  try {
    return optimizer_.step(setup_.optimizer.rate().at(step, total_));
  } catch (const NonFiniteGradient& error) {
    for (const DonePart& part : parts)
      require_finite_slopes(part.scores, normalised(), part.ids, setup_.labels, at_step(step),
                            kNothingUpdated);
    throw Error(message(setup_.labels.where, ": ", error.what(), "\n  from the backward pass of ",
                        setup_.labels.policy));
  }
}

void TrainerCore::adapt(AdaptationState& state, StepReport& report) const {
  if (!adaptation_) return;
  report.metrics["score/evaluations"] = {static_cast<double>(state.evaluations), 1};
  if (report.squared_error.count > 0)
    state = next_evaluations(*adaptation_, state, report.squared_error.value());
}

/// What the passes of a step leave behind, beside the gradients.
struct TrainerCore::StepPasses {
  StepReport report;
  std::vector<DonePart> parts;
  PassCounts passes;
  double loss = 0, tokens = 0, loss_variance = 0, trained_tokens = 0;
  std::optional<double> gradient_noise;
};

TrainerCore::StepPasses TrainerCore::passes_of(std::int64_t step, AdaptationState& adaptation,
                                               Begun& begun) {
  const StepRows chosen = rows_of(step);
  const std::vector<const TrainingRow*>& rows = chosen.rows;
  const StepTotals totals = totals_of(rows, static_cast<double>(chosen.ends.size()));
  StepPasses done;
  done.trained_tokens = totals.tokens;
  if (adaptation_ && adaptation.evaluations == 0) adaptation.evaluations = adaptation_->min;
  GradientNoise gradient_noise(setup_.policy->parameters());
  if (setup_.on_passes) setup_.on_passes(step);
  std::size_t at = 0;
  for (const std::size_t end : chosen.ends) {
    const std::vector<const TrainingRow*> part = between(rows, at, end);
    const std::vector<std::uint64_t> part_epochs = between(chosen.epochs, at, end);
    at = end;
    const ScoreBatch batch = plan_batch(part, part_epochs, Purpose::noise, adaptation.evaluations);
    begun = {};
    for (const ScorePlan& plan : batch.plans) {
      begun.tokens += plan.copies() * plan.length;
      begun.longest = std::max(begun.longest, plan.length);
    }
    EngineStep step_done = engine_.step(batch, totals, needs_, normalised(), setup_.path);
    done.parts.push_back({ids_of(part), step_done.scores, step_done.loss});
    require_finite_scores(batch, step_done.scores, done.parts.back().ids, setup_.labels,
                          at_step(step), kNothingUpdated);
    done.loss += step_done.loss;
    done.passes += step_done.passes;
    done.tokens += static_cast<double>(step_done.tokens);
    const ScoreNoise noise = score_noise(step_done, batch, normalised());
    done.loss_variance += noise.loss_variance;
    Mean& errors = done.report.squared_error;
    errors.sum += noise.num_errors > 0 ? noise.squared_error * noise.num_errors : 0;
    errors.count += noise.num_errors;
    if (chosen.ends.size() > 1) {
      const PurposeScope purpose(MemoryPurpose::workspace);
      gradient_noise.after_micro_batch();
    }
    merge(done.report.metrics, step_done.metrics);
    merge(done.report.metrics, noise.metrics);
  }
  if (setup_.on_passes) setup_.on_passes(std::nullopt);
  done.gradient_noise = gradient_noise.share();
  return done;
}

void TrainerCore::obey(const MemoryRetries& memory) {
  if (memory.count == 0) return;
  EngineOptions options = engine_.options();
  options.max_tokens_per_forward = memory.max_tokens_per_forward;
  engine_.set_options(options);
  // The same gradient, graph by graph.
  if (setup_.path == GradientPath::retain) setup_.path = GradientPath::replay;
}

bool TrainerCore::shrink(const Begun& begun, MemoryRetries& memory) {
  std::int64_t most = std::min(engine_.options().max_tokens_per_forward, begun.tokens);
  if (setup_.path == GradientPath::pairwise)  // an answer's copies at most
    most = std::min(most, engine_.options().pairwise_copies * begun.longest);
  if (most <= begun.longest && setup_.path != GradientPath::retain) return false;
  ++memory.count;
  memory.max_tokens_per_forward = std::max(begun.longest, most / 2);
  obey(memory);
  return true;
}

TrainerCore::StepReport TrainerCore::train_step(TrainingObserver& observer,
                                                TrainingProgress& progress) {
  const std::int64_t step = progress.step;
  const auto begin = std::chrono::steady_clock::now();
  StepPasses done;
  Begun begun;
  std::string shortage;
  try {
    done = passes_of(step, progress.adaptation, begun);
  } catch (const OutOfMemory& error) {
    if (!shrink(begun, progress.memory)) throw;
    shortage = error.what();
  }
  if (!shortage.empty()) {  // outside the handler, whose exception may hold graphs
    for (const NamedParameter& parameter : setup_.policy->parameters())
      if (at::Tensor gradient = parameter.value.grad(); gradient.defined()) gradient.zero_();
    observer.on_retry(step, progress.memory, shortage);
    done = passes_of(step, progress.adaptation, begun);
  }
  require_finite(done.parts, done.loss, step);
  StepReport report = std::move(done.report);
  const double rate = setup_.optimizer.rate().at(step, total_);
  const double norm = update(done.parts, step);
  const double seconds = Seconds(std::chrono::steady_clock::now() - begin).count();
  report.metrics["loss"] = {done.loss, 1};
  report.metrics["learning_rate"] = {rate, 1};
  report.metrics["gradient_norm"] = {norm, 1};
  report.metrics["seconds_per_step"] = {seconds, 1};
  report.metrics["tokens_per_second"] = {done.tokens, seconds};
  report.metrics["trainable_tokens"] = {done.trained_tokens, 1};
  add_passes(report.metrics, done.passes);
  if (std::isfinite(done.loss_variance))
    report.metrics["loss/standard_error"] = {std::sqrt(done.loss_variance), 1};
  if (done.gradient_noise) report.metrics["gradient_noise"] = {*done.gradient_noise, 1};
  if (progress.memory.count > 0)
    report.metrics["memory/retries"] = {static_cast<double>(progress.memory.count), 1};
  adapt(progress.adaptation, report);
  return report;
}

void TrainerCore::run(TrainingObserver& observer, TrainingProgress progress) {
  const auto due = [&](std::int64_t done, std::int64_t every) {
    return every > 0 && done % every == 0;
  };
  obey(progress.memory);
  while (progress.step < total_) {
    merge(progress.since, train_step(observer, progress).metrics);
    const std::int64_t done = ++progress.step;
    const bool is_last = done == total_;
    if (due(done, setup_.rhythm.logging_steps) || is_last) {
      observer.on_log(done, total_, values(progress.since));
      progress.since.clear();
    }
    if (!setup_.validation.empty() && (due(done, setup_.rhythm.eval_steps) || is_last))
      observer.on_validation(done, validate());
    if (due(done, setup_.rhythm.save_steps) && !is_last) observer.on_save(progress, optimizer_);
    if (!is_last && observer.should_stop()) {
      if (!due(done, setup_.rhythm.save_steps)) observer.on_save(progress, optimizer_);
      throw Stopped(message("stopped on request after step ", done, " of ", total_));
    }
  }
}

std::map<std::string, double> TrainerCore::validate() const {
  std::vector<const TrainingRow*> rows;
  for (const TrainingRow& row : setup_.validation) rows.push_back(&row);
  const std::size_t size = micro_batch(needs_, setup_, rows.size());
  const StepTotals totals =
      totals_of(rows, std::ceil(static_cast<double>(rows.size()) / static_cast<double>(size)));
  const LossFunction loss = normalised();
  const ScoreLabels labels = row_labels(/*are_held_out=*/true);
  std::map<std::string, Mean> metrics;
  for (std::size_t at = 0; at < rows.size(); at += size) {
    const std::vector<const TrainingRow*> part =
        between(rows, at, std::min(rows.size(), at + size));
    const ScoreBatch batch = plan_batch(part, std::vector<std::uint64_t>(part.size(), 0),
                                        Purpose::evaluation, adaptation_ ? adaptation_->max : 0);
    const ScoreSet scores = engine_.score(batch, totals);
    require_finite_scores(batch, scores, ids_of(part), labels, " in validation");
    const ObjectiveResult result = loss(scores);
    require_finite_loss(result.loss_sum.item<double>(), scores, loss, ids_of(part), labels,
                        " in validation");
    metrics["loss"].sum += result.loss_sum.item<double>();
    metrics["loss"].count = 1;
    merge(metrics, result.metrics);
    add_passes(metrics, engine_.passes(batch));
  }
  return values(metrics);
}

}  // namespace lldm
