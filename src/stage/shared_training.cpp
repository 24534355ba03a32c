// SPDX-License-Identifier: MIT
#include "stage/shared_training.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// Hears of everything, does nothing but stop.
class Follower final : public TrainingObserver {
 public:
  explicit Follower(RunObserver& run) : run_(run) {}
  bool should_stop() override { return run_.should_stop(); }

 private:
  RunObserver& run_;
};

std::string packed(const TrainingProgress& progress) {
  nlohmann::json since = nlohmann::json::object();
  for (const auto& [name, mean] : progress.since) since[name] = {mean.sum, mean.count};
  std::string bytes;
  nlohmann::json::to_cbor(
      {progress.step, std::move(since), progress.adaptation.evaluations,
       progress.adaptation.variance, progress.memory.count, progress.memory.max_tokens_per_forward,
       progress.memory.head_halvings, progress.loss_scale.scale, progress.loss_scale.finite_steps,
       progress.loss_scale.skipped_steps},
      bytes);
  return bytes;
}

TrainingProgress unpacked(const std::string& bytes) {
  const auto json = nlohmann::json::from_cbor(bytes);
  TrainingProgress progress;
  progress.step = json.at(0).get<std::int64_t>();
  for (const auto& [name, mean] : json.at(1).items())
    progress.since[name] = {mean.at(0).get<double>(), mean.at(1).get<double>()};
  progress.adaptation = {json.at(2).get<std::int64_t>(), json.at(3).get<double>()};
  progress.memory = {json.at(4).get<std::int64_t>(), json.at(5).get<std::int64_t>(),
                     json.at(6).get<std::int64_t>()};
  progress.loss_scale = {json.at(7).get<double>(), json.at(8).get<std::int64_t>(),
                         json.at(9).get<std::int64_t>()};
  return progress;
}

}  // namespace

std::string shared_by(const ProcessGroup* group) {
  return group ? message(", ", group->size(), " processes") : std::string();
}

void tell_idle(const RunContext& run, const Work& work, const TrainingSetup& setup) {
  const std::int64_t micro_batches = setup.optimizer.gradient_accumulation_steps;
  if (!setup.group || setup.reduction != Reduction::ordered ||
      micro_batches % setup.group->size() == 0)
    return;
  run.logger.warning(
      message("stage ", run.label(work), ": reduction = \"ordered\" shares whole micro-batches: ",
              micro_batches, " a step among ", setup.group->size(),
              " processes, some of which wait for others\n  a gradient_accumulation_steps that is "
              "a multiple of ",
              setup.group->size(), " gives all of them the same"));
}

TrainingProgress begin_together(ProcessGroup& group, const TrainingProgress& progress,
                                const TrainingSetup& setup, Optimizer& optimizer) {
  const std::string first = group.agree([&] { return packed(progress); }).front();
  for (const NamedParameter& parameter : setup.policy->parameters())
    if (parameter.value.requires_grad()) group.broadcast(parameter.value);
  for (const NamedParameter& moment : optimizer.state()) group.broadcast(moment.value);
  TrainingProgress begin = unpacked(first);
  if (!group.is_first()) optimizer.resume_at(begin.step - begin.loss_scale.skipped_steps);
  return begin;
}

MemoryPeaks peaks_of(const MemoryManager::Watch& watch, MemoryDevice device) {
  MemoryPeaks peaks{.total = watch.peak_bytes(device)};
  for (std::size_t p = 0; p < kMemoryPurposes; ++p)
    peaks.purposes[p] = watch.peak_bytes(device, static_cast<MemoryPurpose>(p));
  return peaks;
}

MemoryPeaks most_of(const MemoryPeaks& one, const MemoryPeaks& other) {
  MemoryPeaks most{.total = std::max(one.total, other.total)};
  for (std::size_t p = 0; p < kMemoryPurposes; ++p)
    most.purposes[p] = std::max(one.purposes[p], other.purposes[p]);
  return most;
}

MemoryPeaks most_of_all(ProcessGroup& group, const MemoryPeaks& own) {
  const std::vector<std::string> texts = group.agree([&] {
    std::string bytes;
    nlohmann::json::to_cbor({own.total, own.purposes}, bytes);
    return bytes;
  });
  MemoryPeaks most;
  for (const std::string& text : texts) {
    const auto json = nlohmann::json::from_cbor(text);
    MemoryPeaks peaks{.total = json.at(0).get<std::int64_t>()};
    json.at(1).get_to(peaks.purposes);
    most = most_of(most, peaks);
  }
  return most;
}

void follow(const RunContext& run, StageTrainer& trainer, const PreparedTraining& prepared) {
  Follower follower(*run.options.observer);
  const TrainingProgress begin =
      begin_together(*run.options.group, {}, prepared.setup, trainer.optimizer());
  trainer.run(follower, begin);
}

}  // namespace lldm
