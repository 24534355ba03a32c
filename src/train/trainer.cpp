// SPDX-License-Identifier: MIT
#include "lldm/train/trainer.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <set>
#include <span>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "train/gradient_noise.hpp"
#include "train/mismatched.hpp"
#include "train/score_metrics.hpp"
#include "train/shared_length.hpp"

namespace lldm {

struct TrainerCore::StepRows {
  std::vector<const TrainingRow*> rows;
  std::vector<std::uint64_t> epochs;    // of the draws, one per row
  std::deque<TrainingRow> made{};       // what `rows` points to where a source makes them
  std::deque<TrainingRow> shortened{};  // and where texts are cut
  std::vector<std::size_t> ends{};      // of the micro-batches, in `rows`
};

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

/// The prompt of a row with the first answer of another one.
Text mismatched_text(const TrainingRow* row, const std::vector<TrainingRow>& rows,
                     const ScoreLabels& labels) {
  const auto here = static_cast<std::size_t>(row - rows.data());
  if (const std::size_t there = mismatched_row(rows, here); there != here) {
    Text text = rows[there].answers.front();
    text.prompt = row->answers.front().prompt;
    return text;
  }
  throw DataError(message(labels.row_text(row->id),
                          ": the objective scores every prompt with the answer of "
                          "another one, and the ",
                          rows.size(),
                          " row(s) have one prompt\n  give rows of two prompts or more (also to "
                          "validation_rows), or kl = \"none\""));
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

ScoreLabels TrainerCore::row_labels(bool are_held_out) const {
  ScoreLabels labels = setup_.labels;
  if (are_held_out && setup_.validation_row) labels.row = setup_.validation_row;
  return labels;
}

std::uint64_t TrainerCore::draws_epoch(std::uint64_t epoch) const {
  return setup_.draws_epochs > 0 ? epoch % static_cast<std::uint64_t>(setup_.draws_epochs) : epoch;
}

std::vector<RowUse> TrainerCore::row_uses() const {
  if (adaptation_)
    throw ConfigError(
        "an estimator of adaptive cost decides from step to step what it asks: its reference "
        "scores cannot be computed beforehand");
  const std::int64_t num_rows = setup_.num_rows();
  std::vector<RowUse> uses;
  std::set<std::pair<std::uint64_t, std::int64_t>> seen;
  RowOrder order = order_;
  for (std::int64_t step = 0; step < total_; ++step)
    for (const auto& entry : order.step(step, setup_.optimizer.row_limit(num_rows)))
      if (const std::uint64_t epoch = draws_epoch(entry.epoch);
          seen.emplace(epoch, entry.row).second)
        uses.push_back({Purpose::noise, epoch, static_cast<std::size_t>(entry.row)});
  for (std::size_t row = 0; row < setup_.validation.size(); ++row)
    uses.push_back({Purpose::evaluation, 0, row});
  return uses;
}

std::vector<ScorePlan> TrainerCore::reference_plans(const RowUse& use) const {
  const auto& rows = use.purpose == Purpose::evaluation ? setup_.validation : setup_.rows;
  ScoreBatch batch = plan_batch({&rows.at(use.row)}, {use.epoch}, use.purpose, 0);
  std::vector<ScorePlan> plans =
      std::move(batch.reference_plans.empty() ? batch.plans : batch.reference_plans);
  for (ScorePlan& plan : batch.mismatched_plans) plans.push_back(std::move(plan));
  return plans;
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

Text TrainerCore::cut(const Text& text, std::uint64_t epoch, std::uint64_t row) const {
  if (setup_.random_length_share <= 0 || text.response.size() < 2) return text;
  Stream stream =
      setup_.draws.stream(Purpose::length, epoch, needs_.random_length_by_batch ? 0 : row);
  if (stream.uniform() >= setup_.random_length_share) return text;
  Text shorter = text;
  shorter.response.resize(
      static_cast<std::size_t>(1 + stream.below(static_cast<std::int64_t>(text.response.size()))));
  return shorter;
}

ScoreBatch TrainerCore::plan_batch(const std::vector<const TrainingRow*>& rows,
                                   const std::vector<std::uint64_t>& epochs, Purpose purpose,
                                   std::int64_t evaluations) const {
  ScoreBatch batch;
  batch.group_size = needs_.group_size;
  // The ablation's reference draws live in a row space of their own.
  constexpr std::uint64_t kUnshared = 1ULL << 63;
  const ScoreLabels labels = row_labels(purpose == Purpose::evaluation);
  const auto plan_text = [&](const Text& text, std::uint64_t row, std::size_t answer,
                             const TextDraws& draws) {
    try {
      return plan_(text, draws, evaluations);
    } catch (const DataError& error) {  // an estimator knows the text, not whose it is
      throw DataError(message(labels.row_text(row), ", answer ", answer + 1, ": ", error.what()));
    }
  };
  const auto plan = [&](const TrainingRow& row, std::size_t answer, const TextDraws& draws) {
    return plan_text(row.answers[answer], row.id, answer, draws);
  };
  const auto& source = purpose == Purpose::evaluation ? setup_.validation : setup_.rows;
  const auto group_size = static_cast<std::size_t>(needs_.group_size);
  for (std::size_t r = 0; r < rows.size() && needs_.mismatched; ++r)
    batch.mismatched_plans.push_back(
        plan_text(mismatched_text(rows[r], source, labels), rows[r]->id, group_size,
                  TextDraws(setup_.draws, purpose, epochs[r], rows[r]->id, group_size)));
  for (const TrainingRow* row : rows)
    if (row->wanted) batch.wanted.push_back(*row->wanted ? 1.0 : 0.0);
  for (std::size_t r = 0; r < rows.size(); ++r)
    for (std::size_t answer = 0; answer < rows[r]->answers.size(); ++answer) {
      const std::uint64_t id = rows[r]->id;
      batch.plans.push_back(
          plan(*rows[r], answer, TextDraws(setup_.draws, purpose, epochs[r], id, answer)));
      if (needs_.reference && !setup_.shared_draws)
        batch.reference_plans.push_back(plan(
            *rows[r], answer, TextDraws(setup_.draws, purpose, epochs[r], id | kUnshared, answer)));
    }
  if (needs_.beyond_shared_length != 1.0)
    for (auto* plans : {&batch.plans, &batch.reference_plans})
      weigh_beyond_shared_length(*plans, needs_.group_size, needs_.beyond_shared_length);
  return batch;
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

TrainerCore::StepRows TrainerCore::rows_of(std::int64_t step) {
  const auto entries = order_.step(step, setup_.optimizer.row_limit(setup_.num_rows()));
  StepRows chosen;
  const auto add = [&](const TrainingRow& row, std::uint64_t epoch) {
    chosen.rows.push_back(&row);
    chosen.epochs.push_back(epoch);
    if (setup_.random_length_share <= 0) return;
    const auto key = needs_.random_length_by_batch ? static_cast<std::uint64_t>(step) : epoch;
    chosen.shortened.push_back({row.id, {cut(row.answers.front(), key, row.id)}});
    chosen.rows.back() = &chosen.shortened.back();
  };
  // A loss that couples groups sees the whole step at once; the engine still packs it in chunks.
  const std::size_t size = needs_.use == ScoreUse::coupled
                               ? entries.size()
                               : static_cast<std::size_t>(setup_.optimizer.batch_size);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::uint64_t epoch = draws_epoch(entries[i].epoch);
    if (!setup_.source) add(setup_.rows[static_cast<std::size_t>(entries[i].row)], epoch);
    if (setup_.source)
      for (TrainingRow& text : setup_.source->row(entries[i].row)) {
        chosen.made.push_back(std::move(text));
        add(chosen.made.back(), epoch);
      }
    if ((i + 1) % size == 0 || i + 1 == entries.size()) chosen.ends.push_back(chosen.rows.size());
  }
  return chosen;
}

TrainerCore::StepReport TrainerCore::train_step(std::int64_t step, AdaptationState& adaptation) {
  const StepRows chosen = rows_of(step);
  const std::vector<const TrainingRow*>& rows = chosen.rows;
  const std::vector<std::uint64_t>& epochs = chosen.epochs;
  const StepTotals totals = totals_of(rows, static_cast<double>(chosen.ends.size()));
  StepReport report;
  const auto begin = std::chrono::steady_clock::now();
  double loss = 0, tokens = 0, loss_variance = 0;
  PassCounts passes;
  std::vector<DonePart> parts;
  if (adaptation_ && adaptation.evaluations == 0) adaptation.evaluations = adaptation_->min;
  GradientNoise gradient_noise(setup_.policy->parameters());
  if (setup_.on_passes) setup_.on_passes(step);
  std::size_t at = 0;
  for (const std::size_t end : chosen.ends) {
    const std::vector<const TrainingRow*> part(rows.begin() + static_cast<std::ptrdiff_t>(at),
                                               rows.begin() + static_cast<std::ptrdiff_t>(end));
    const std::vector<std::uint64_t> part_epochs(epochs.begin() + static_cast<std::ptrdiff_t>(at),
                                                 epochs.begin() + static_cast<std::ptrdiff_t>(end));
    at = end;
    const ScoreBatch batch = plan_batch(part, part_epochs, Purpose::noise, adaptation.evaluations);
    EngineStep done = engine_.step(batch, totals, needs_, normalised(), setup_.path);
    parts.push_back({ids_of(part), done.scores, done.loss});
    require_finite_scores(batch, done.scores, parts.back().ids, setup_.labels, at_step(step),
                          kNothingUpdated);
    loss += done.loss;
    passes += done.passes;
    tokens += static_cast<double>(done.tokens);
    const ScoreNoise noise = score_noise(done, batch, normalised());
    loss_variance += noise.loss_variance;
    report.squared_error.sum += noise.num_errors > 0 ? noise.squared_error * noise.num_errors : 0;
    report.squared_error.count += noise.num_errors;
    if (chosen.ends.size() > 1) gradient_noise.after_micro_batch();
    merge(report.metrics, done.metrics);
    merge(report.metrics, noise.metrics);
  }
  if (setup_.on_passes) setup_.on_passes(std::nullopt);
  require_finite(parts, loss, step);
  const double rate = setup_.optimizer.rate().at(step, total_);
  const double norm = update(parts, step);
  const double seconds = Seconds(std::chrono::steady_clock::now() - begin).count();
  report.metrics["loss"] = {loss, 1};
  report.metrics["learning_rate"] = {rate, 1};
  report.metrics["gradient_norm"] = {norm, 1};
  report.metrics["seconds_per_step"] = {seconds, 1};
  report.metrics["tokens_per_second"] = {tokens, seconds};
  report.metrics["trainable_tokens"] = {totals.tokens, 1};
  add_passes(report.metrics, passes);
  if (std::isfinite(loss_variance))
    report.metrics["loss/standard_error"] = {std::sqrt(loss_variance), 1};
  if (const auto share = gradient_noise.share()) report.metrics["gradient_noise"] = {*share, 1};
  adapt(adaptation, report);
  return report;
}

void TrainerCore::run(TrainingObserver& observer, TrainingProgress progress) {
  const auto due = [&](std::int64_t done, std::int64_t every) {
    return every > 0 && done % every == 0;
  };
  while (progress.step < total_) {
    merge(progress.since, train_step(progress.step, progress.adaptation).metrics);
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
  const std::size_t size = needs_.use == ScoreUse::coupled
                               ? rows.size()
                               : static_cast<std::size_t>(setup_.optimizer.batch_size);
  const StepTotals totals =
      totals_of(rows, std::ceil(static_cast<double>(rows.size()) / static_cast<double>(size)));
  const LossFunction loss = normalised();
  const ScoreLabels labels = row_labels(/*are_held_out=*/true);
  std::map<std::string, Mean> metrics;
  for (std::size_t at = 0; at < rows.size(); at += size) {
    const std::vector<const TrainingRow*> part(
        rows.begin() + static_cast<std::ptrdiff_t>(at),
        rows.begin() + static_cast<std::ptrdiff_t>(std::min(rows.size(), at + size)));
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
