// SPDX-License-Identifier: MIT
// An optimizer step: its parts, what this process does of them, and what all came to.
#include "train/trainer_step.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/track/phase_clock.hpp"
#include "memory/in_memory.hpp"
#include "memory/reclaim.hpp"
#include "train/reads_micro_batches.hpp"
#include "train/score_metrics.hpp"

namespace lldm {
namespace {

using Seconds = std::chrono::duration<double>;

std::string at_step(std::int64_t step) { return message(" at optimizer step ", step + 1); }

constexpr const char* kNothingUpdated =
    "nothing was updated by this step, and checkpoints saved before are intact; a smaller "
    "learning_rate may help";

}  // namespace

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

bool TrainerCore::reads_micro_batches() const { return lldm::reads_micro_batches(needs_, loss_); }

std::vector<StepPart> TrainerCore::parts_of(const StepRows& chosen) const {
  return shared_parts(chosen.ends, {.ranks = setup_.group ? setup_.group->size() : 1,
                                    .is_coupled = needs_.use == ScoreUse::coupled,
                                    .keeps_micro_batches = setup_.reduction == Reduction::ordered ||
                                                           keeps_micro_batches_});
}

void TrainerCore::require_finite_share(const Step& now) const {
  double loss = 0;
  for (const DonePart& part : now.done) loss += part.loss;
  if (!std::isfinite(loss)) {
    for (const DonePart& part : now.done)
      require_finite_loss(part.loss, part.scores, now.loss, part.ids, setup_.labels,
                          at_step(now.index), kNothingUpdated);
    throw Error(message(setup_.labels.where, ": the loss is ", loss, at_step(now.index), "\n  ",
                        kNothingUpdated));
  }
  // Before it is added to the others': behind that nobody knows whose it was.  With a loss scale
  // all skip such a step together (is_to_be_skipped).
  if (setup_.group && !setup_.loss_scaling && !now.done.empty() && !now.gradient.is_finite()) {
    for (const DonePart& part : now.done)
      require_finite_slopes(part.scores, now.loss, part.ids, setup_.labels, at_step(now.index),
                            kNothingUpdated);
    throw Error(message(setup_.labels.where, ": the gradient is not finite", at_step(now.index),
                        "\n  ", kNothingUpdated, "\n  from the backward pass of ",
                        setup_.labels.policy));
  }
}

bool TrainerCore::is_to_be_skipped(const Step& now, double norm) const {
  if (!setup_.loss_scaling) return false;
  const auto own = [&] {
    if (!std::isfinite(norm))  // no scale helps where the loss itself has such slopes
      for (const DonePart& part : now.done)
        require_finite_slopes(part.scores, now.loss, part.ids, setup_.labels, at_step(now.index),
                              kNothingUpdated);
    return std::string(std::isfinite(norm) ? "" : "not finite");
  };
  if (!setup_.group) return !own().empty();
  return std::ranges::any_of(setup_.group->agree(own),
                             [](const std::string& verdict) { return !verdict.empty(); });
}

bool TrainerCore::update(const Step& now, double norm, TrainingObserver& observer,
                         TrainingProgress& progress) {
  const PhaseScope phase(StepPhase::optimizer);
  if (is_to_be_skipped(now, norm)) {
    optimizer_->skip();
    progress.loss_scale.back_off();
    observer.on_skip(now.index, progress.loss_scale);
    if (progress.loss_scale.scale >= 1) return false;
    throw Error(message(setup_.labels.where, ": the loss scale fell below 1", at_step(now.index),
                        "\n  the gradient is not finite at any scale, from the backward pass of ",
                        setup_.labels.policy, "\n  ", kNothingUpdated,
                        ", or dtype = \"bfloat16\""));
  }
  try {
    optimizer_->take(setup_.optimizer.rate().at(now.index, total_), norm,
                     setup_.loss_scaling ? progress.loss_scale.scale : 1);
    if (setup_.loss_scaling) progress.loss_scale.grow(*setup_.loss_scaling);
    return true;
  } catch (const NonFiniteGradient& error) {
    for (const DonePart& part : now.done)
      require_finite_slopes(part.scores, now.loss, part.ids, setup_.labels, at_step(now.index),
                            kNothingUpdated);
    throw Error(message(setup_.labels.where, ": ", error.what(), "\n  from the backward pass of ",
                        setup_.labels.policy));
  }
}

PartReport TrainerCore::do_part(Step& now, const StepPart& part, std::int64_t evaluations) const {
  const StepRows& chosen = now.chosen;
  const std::vector<const TrainingRow*> rows = between(chosen.rows, part.begin, part.end);
  const ScoreBatch batch =
      plan_batch(rows, between(chosen.epochs, part.begin, part.end), Purpose::noise, evaluations);
  now.last = {};
  for (const ScorePlan& plan : batch.plans) {
    now.last.tokens += plan.copies() * plan.length;
    now.last.longest = std::max(now.last.longest, plan.length);
    now.last.queries += static_cast<std::int64_t>(plan.queries.size());
  }
  if (setup_.on_batch) setup_.on_batch(batch);
  const EngineStep done = memory::in_memory(
      [&] { return engine_.step(batch, now.totals, needs_, now.loss, setup_.path); });
  now.done.push_back({ids_of(rows), done.scores, done.loss});
  require_finite_scores(batch, done.scores, now.done.back().ids, setup_.labels, at_step(now.index),
                        kNothingUpdated);
  PartReport report{.index = static_cast<std::size_t>(&part - now.parts.data())};
  const ScoreNoise noise = score_noise(done, batch, now.loss);
  // A loss of all groups is the same whoever asks for it: the first part tells it.
  if (!now.coupled || part.begin == 0) {
    report.loss = done.loss;
    report.metrics = done.metrics;
  }
  report.passes = done.passes;
  report.tokens = static_cast<double>(done.tokens);
  report.loss_variance = noise.loss_variance;
  report.squared_error.sum = noise.num_errors > 0 ? noise.squared_error * noise.num_errors : 0;
  report.squared_error.count = noise.num_errors;
  merge(report.metrics, noise.metrics);
  if (chosen.ends.size() > 1) {
    const bool is_alone = setup_.reduction == Reduction::ordered;
    const PurposeScope purpose(MemoryPurpose::workspace);
    now.noise.after_micro_batch(is_alone,
                                part.is_whole ? std::nullopt : std::optional(part.micro_batch));
    if (is_alone) report.noise_square = now.noise.last_square();
  }
  return report;
}

ShareReport TrainerCore::do_share(Step& now, std::int64_t evaluations) const {
  ShareReport own;
  ProcessGroup* group = setup_.group.get();
  const std::size_t rank = group ? static_cast<std::size_t>(group->rank()) : 0;
  if (setup_.reduction == Reduction::ordered) {
    const std::size_t ranks = group ? static_cast<std::size_t>(group->size()) : 1;
    for (std::size_t first = 0; first < now.parts.size(); first += ranks) {
      const std::size_t count = std::min(ranks, now.parts.size() - first);
      if (rank < count) own.parts.push_back(do_part(now, now.parts[first + rank], evaluations));
      if (group)
        group->agree_on_room([&] { now.gradient.make_room(); });
      else
        now.gradient.make_room();
      now.gradient.after_round(static_cast<int>(count));
    }
  } else {
    std::vector<const StepPart*> parts;
    for (const StepPart& part : now.parts)
      if (part.rank == static_cast<int>(rank)) parts.push_back(&part);
    std::function<void()> hold;  // of what is compared micro-batch by micro-batch
    if (now.chosen.ends.size() > 1)
      hold = [&now] {
        const PurposeScope purpose(MemoryPurpose::workspace);
        now.noise.hold();
      };
    for (const StepPart* part : parts) {
      const auto last = part == parts.back() ? now.gradient.in_last_part(hold) : nullptr;
      own.parts.push_back(do_part(now, *part, evaluations));
    }
    now.gradient.end_parts();
    if (setup_.group) own.noise_squares = now.noise.squares();  // alone it is read with the rest
  }
  own.noise_count = static_cast<double>(now.noise.count());
  if (now.coupled) now.coupled->none();
  require_finite_share(now);
  return own;
}

void TrainerCore::adapt(AdaptationState& state, StepReport& report) const {
  if (!adaptation_) return;
  report.metrics["score/evaluations"] = {static_cast<double>(state.evaluations), 1};
  if (report.squared_error.count > 0)
    state = next_evaluations(*adaptation_, state, report.squared_error.value());
}

std::unique_ptr<TrainerCore::Step> TrainerCore::begun(std::int64_t step,
                                                      const StepRows& chosen) const {
  const std::vector<NamedParameter> parameters = setup_.policy->parameters();
  std::unique_ptr<Step> now(
      new Step{.index = step,
               .chosen = chosen,
               .parts = parts_of(chosen),
               .totals = totals_of(chosen.rows, static_cast<double>(chosen.ends.size())),
               .loss = normalised(),
               .noise = GradientNoise(parameters),
               .gradient = SharedGradient(parameters, setup_.group.get(), setup_.reduction)});
  if (setup_.group && needs_.use == ScoreUse::coupled && setup_.reduction != Reduction::ordered) {
    now->coupled.emplace(*setup_.group);
    now->loss = [of = now.get(), loss = now->loss](const ScoreSet& own) {
      return loss(of->coupled->whole(own));
    };
  }
  return now;
}

std::unique_ptr<TrainerCore::Step> TrainerCore::begun_in_memory(std::int64_t step,
                                                                const StepRows& chosen,
                                                                TrainingObserver& observer) const {
  try {
    return begun(step, chosen);
  } catch (const OutOfMemory&) {  // all processes are here: gradients and sums have no room yet
  }
  if (setup_.group) setup_.group->begin_work();
  // Not the chunk of logits: gradients and sums had no room, and it would move their last bits.
  for (const memory::Reclaimed& one : memory::reclaim_kept())
    observer.on_reclaim(step, name_of(one.step), one.bytes);
  return begun(step, chosen);
}

ShareReport TrainerCore::passes_of(Step& now, TrainingObserver& observer,
                                   TrainingProgress& progress) const {
  if (setup_.on_passes) setup_.on_passes(now.index);
  ShareReport all;
  if (setup_.group) {
    const auto share = [&] {
      ShareReport own = do_share(now, progress.adaptation.evaluations);
      own.last_norm = last_norm_;
      own.wants_stop = observer.should_stop();
      return pack(own);
    };
    try {
      all = joined(setup_.group->agree(share));
      if (setup_.on_passes) setup_.on_passes(std::nullopt);
      add_up(now, all);
    } catch (...) {
      now.gradient.abandon();
      throw;
    }
  } else {
    all = do_share(now, progress.adaptation.evaluations);
    if (setup_.on_passes) setup_.on_passes(std::nullopt);
    add_up(now, all);
  }
  return all;
}

void TrainerCore::add_up(Step& now, ShareReport& all) const {
  now.gradient.finish();
  const auto cut = cut_micro_batches(now.parts);
  if (now.chosen.ends.size() < 2 || cut.empty()) return;
  all.noise_squares += now.noise.squares_of(cut, *setup_.group);
  all.noise_count += static_cast<double>(cut.size());
}

TrainerCore::StepReport TrainerCore::train_step(TrainingObserver& observer,
                                                TrainingProgress& progress) {
  const StepRows chosen = rows_of(progress.step);
  const auto begin = std::chrono::steady_clock::now();
  AdaptationState& adaptation = progress.adaptation;
  if (adaptation_ && adaptation.evaluations == 0) adaptation.evaluations = adaptation_->min;
  if (setup_.loss_scaling) {
    EngineOptions options = engine_.options();
    options.loss_scale = progress.loss_scale.scale;
    engine_.set_options(options);
  }
  std::unique_ptr<Step> now = begun_in_memory(progress.step, chosen, observer);
  ShareReport all;
  std::string shortage;
  bool has_shrunk = false;
  try {
    all = passes_of(*now, observer, progress);
  } catch (const OutOfMemory& error) {
    has_shrunk = shrink(*now, progress.memory);
    shortage = error.what();
  }
  most_queries_ = now->last.queries;
  if (!shortage.empty()) {  // outside the handler, whose exception may hold graphs
    const bool may_fit = make_room(*now, has_shrunk, observer, progress.memory);
    const auto require = [&] {
      if (!may_fit) throw OutOfMemory(shortage);
      return retry_text(progress.memory);
    };
    if (setup_.group) {  // what one of them threw has reached all here
      setup_.group->begin_work();
      take_smallest(setup_.group->agree(require), progress.memory);
      obey(progress.memory);
    } else {
      require();
    }
    observer.on_retry(progress.step, progress.memory, shortage);
    now.reset();  // its sums, before there are others
    now = begun(progress.step, chosen);
    all = passes_of(*now, observer, progress);
  }
  StepReport report = take_step(*now, all, observer, progress, begin);
  if (progress.memory.count > 0)
    report.metrics["memory/retries"] = {static_cast<double>(progress.memory.count), 1};
  return report;
}

TrainerCore::StepReport TrainerCore::take_step(Step& now, const ShareReport& all,
                                               TrainingObserver& observer,
                                               TrainingProgress& progress,
                                               std::chrono::steady_clock::time_point begin) {
  StepReport report{.wants_stop = all.wants_stop};
  double loss = 0, tokens = 0, loss_variance = 0, noise_squares = all.noise_squares;
  PassCounts passes;
  for (const PartReport& part : all.parts) {
    loss += part.loss;
    passes += part.passes;
    tokens += part.tokens;
    loss_variance += part.loss_variance;
    noise_squares += part.noise_square;
    report.squared_error.sum += part.squared_error.sum;
    report.squared_error.count += part.squared_error.count;
    merge(report.metrics, part.metrics);
  }
  if (!std::isfinite(loss))  // of finite parts
    throw Error(message(setup_.labels.where, ": the loss is ", loss, at_step(now.index), "\n  ",
                        kNothingUpdated));
  // Before the update, which clears it: all that the step reads of its gradient, at once.
  const bool is_alone = !setup_.group && setup_.reduction == Reduction::fast;
  const double scale = engine_.options().loss_scale;
  const GradientReading gradient = [&] {
    const PhaseScope phase(StepPhase::optimizer);
    return optimizer_->read_gradient(is_alone ? now.noise.figures()
                                              : now.noise.figures_of_all(all.noise_count));
  }();
  // A ratio of squares: with a loss scale both are as many times too large.
  const std::optional<double> noise_share =
      is_alone ? now.noise.share(gradient.others)
               : GradientNoise::share_of_all(gradient.others, noise_squares, all.noise_count);
  const double rate = setup_.optimizer.rate().at(now.index, total_);
  const double norm = gradient.norm / scale;
  const bool is_taken = update(now, norm, observer, progress);
  if (is_taken) last_norm_ = norm;
  const double seconds = Seconds(std::chrono::steady_clock::now() - begin).count();
  report.metrics["loss"] = {loss, 1};
  report.metrics["learning_rate"] = {rate, 1};
  if (is_taken) report.metrics["gradient_norm"] = {norm, 1};
  report.metrics["seconds_per_step"] = {seconds, 1};
  report.metrics["tokens_per_second"] = {tokens, seconds};
  report.metrics["trainable_tokens"] = {now.totals.tokens, 1};
  add_passes(report.metrics, passes);
  if (std::isfinite(loss_variance))
    report.metrics["loss/standard_error"] = {std::sqrt(loss_variance), 1};
  if (noise_share && is_taken) report.metrics["gradient_noise"] = {*noise_share, 1};
  adapt(progress.adaptation, report);
  return report;
}

}  // namespace lldm
