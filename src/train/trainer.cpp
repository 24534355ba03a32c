// SPDX-License-Identifier: MIT
// The run of a trainer, and its validation passes; a step is in trainer_step.cpp.
#include "lldm/train/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/objective/weighted_sum.hpp"
#include "memory/reclaim.hpp"
#include "model/head.hpp"
#include "train/trainer_step.hpp"

namespace lldm {
namespace {

std::map<std::string, double> values(const std::map<std::string, Mean>& means) {
  std::map<std::string, double> result;
  for (const auto& [name, mean] : means)
    if (mean.count != 0) result[name] = mean.value();
  return result;
}

/// Chunks of logits are as they were, however a run ends.
struct Restored {
  Restored() = default;
  ~Restored() { set_head_chunks({}); }
  Restored(const Restored&) = delete;
  Restored& operator=(const Restored&) = delete;
};

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
      optimizer_(make_optimizer(setup_.policy->parameters(), setup_.optimizer, setup_.draws)),
      order_(setup_.draws, setup_.num_rows(),
             setup_.optimizer.batch_size * setup_.optimizer.gradient_accumulation_steps,
             setup_.source ? Shuffle::counter : Shuffle::table),
      total_(setup_.optimizer.total_steps(setup_.num_rows())) {
  if (needs_.reference && setup_.stored_reference)
    engine_.use_stored_reference(setup_.stored_reference);
  keeps_micro_batches_ = setup_.group && reads_micro_batches();
}

LossFunction TrainerCore::normalised() const {
  return [this](const ScoreSet& scores) {
    const PurposeScope purpose(setup_.component_purpose);
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

void TrainerCore::run(TrainingObserver& observer, TrainingProgress progress) {
  const auto due = [&](std::int64_t done, std::int64_t every) {
    return every > 0 && done % every == 0;
  };
  const PurposeScope purpose(MemoryPurpose::workspace);
  obey(progress.memory);
  if (setup_.loss_scaling && progress.loss_scale.scale == 0)
    progress.loss_scale.scale = setup_.loss_scaling->initial;
  const memory::ReclaimRegistration logits(memory::ReclaimStep::logits_chunk,
                                           [&] { return halve_head_chunk(progress.memory); });
  const Restored head_chunks;
  while (progress.step < total_) {
    for (const memory::Reclaimed& given : memory::reclaim_asked())
      observer.on_reclaim(progress.step, name_of(given.step), given.bytes);
    const StepReport report = train_step(observer, progress);
    merge(progress.since, report.metrics);
    const std::int64_t done = ++progress.step;
    const bool is_last = done == total_;
    if (due(done, setup_.rhythm.logging_steps) || is_last) {
      std::map<std::string, double> line = values(progress.since);
      if (setup_.loss_scaling) {  // as they stand, no means
        line["loss_scale"] = progress.loss_scale.scale;
        line["skipped_steps"] = static_cast<double>(progress.loss_scale.skipped_steps);
      }
      observer.on_log(done, total_, line);
      progress.since.clear();
    }
    if (!setup_.validation.empty() && (due(done, setup_.rhythm.eval_steps) || is_last))
      observer.on_validation(done, validate());
    if (due(done, setup_.rhythm.save_steps) && !is_last) observer.on_save(progress, *optimizer_);
    if (!is_last && (setup_.group ? report.wants_stop : observer.should_stop())) {
      if (!due(done, setup_.rhythm.save_steps)) observer.on_save(progress, *optimizer_);
      throw Stopped(message("stopped on request after step ", done, " of ", total_));
    }
  }
  if (setup_.loss_scaling && total_ > 0 && progress.loss_scale.skipped_steps >= total_)
    throw Error(message(setup_.labels.where, ": all ", total_,
                        " steps were skipped: no gradient was finite in float16, down to a loss "
                        "scale of ",
                        2 * progress.loss_scale.scale,
                        "\n  nothing was trained; a smaller optimizer.loss_scale, more steps, or "
                        "dtype = \"bfloat16\" may help"));
}

PartReport TrainerCore::validate_part(const std::vector<const TrainingRow*>& rows,
                                      const StepTotals& totals) const {
  const LossFunction loss = normalised();
  const ScoreLabels labels = row_labels(/*are_held_out=*/true);
  const ScoreBatch batch = plan_batch(rows, std::vector<std::uint64_t>(rows.size(), 0),
                                      Purpose::evaluation, adaptation_ ? adaptation_->max : 0);
  const ScoreSet scores = engine_.score(batch, totals);
  require_finite_scores(batch, scores, ids_of(rows), labels, " in validation");
  const ObjectiveResult result = loss(scores);
  PartReport report{.loss = result.loss_sum.item<double>()};
  require_finite_loss(report.loss, scores, loss, ids_of(rows), labels, " in validation");
  report.metrics = result.metrics;
  report.passes = engine_.passes(batch);
  return report;
}

std::map<std::string, double> TrainerCore::validate() const {
  const PurposeScope purpose(MemoryPurpose::workspace);
  std::vector<const TrainingRow*> rows;
  for (const TrainingRow& row : setup_.validation) rows.push_back(&row);
  const std::size_t size = micro_batch(needs_, setup_, rows.size());
  const StepTotals totals =
      totals_of(rows, std::ceil(static_cast<double>(rows.size()) / static_cast<double>(size)));
  ProcessGroup* group = setup_.group.get();
  const auto share = [&] {  // micro-batch after micro-batch, in turn over the ranks
    ShareReport own{.last_norm = last_norm_};
    for (std::size_t at = 0, index = 0; at < rows.size(); at += size, ++index) {
      if (group && index % static_cast<std::size_t>(group->size()) !=
                       static_cast<std::size_t>(group->rank()))
        continue;
      own.parts.push_back(
          validate_part(between(rows, at, std::min(rows.size(), at + size)), totals));
      own.parts.back().index = index;
    }
    return own;
  };
  const ShareReport all = group ? joined(group->agree([&] { return pack(share()); })) : share();
  std::map<std::string, Mean> metrics;
  for (const PartReport& part : all.parts) {
    metrics["loss"].sum += part.loss;
    metrics["loss"].count = 1;
    merge(metrics, part.metrics);
    add_passes(metrics, part.passes);
  }
  return values(metrics);
}

}  // namespace lldm
