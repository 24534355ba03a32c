// SPDX-License-Identifier: MIT
#include "stage/step_advice.hpp"

#include <algorithm>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "stage/step_choices.hpp"

namespace lldm {
namespace {

/// One key changed, and what the peak would be then.
struct Change {
  std::string key;
  std::int64_t peak_bytes;
};

/// Finds how a run would do its steps with one key changed: what the file leaves open is chosen
/// anew, for a peak below `most`.
class Changes {
 public:
  Changes(const ObjectiveNeeds& needs, const Advised& advised, std::int64_t most)
      : needs_(needs), advised_(advised), most_(most) {}

  void add(std::string key, const StepModel& model, const StepSizes& sizes,
           const StepAsked& asked) {
    const ChosenStep step = choose_step(model, sizes, needs_, advised_.combination, asked,
                                        advised_.profile, ByteSize{most_});
    list_.push_back({std::move(key), step.plan.memory.peak_bytes()});
  }
  /// Those that help most first.
  [[nodiscard]] std::vector<Change> sorted() const {
    std::vector<Change> list = list_;
    std::ranges::stable_sort(list, {}, &Change::peak_bytes);
    return list;
  }

 private:
  const ObjectiveNeeds& needs_;
  const Advised& advised_;
  std::int64_t most_;
  std::vector<Change> list_;
};

/// How passes are made: recomputation, their size, the gradient path.
void add_passes(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                const ChosenStep& chosen, const Advised& advised, Changes& changes) {
  if (advised.is_other_anew) return;
  if (!advised.settled_by.empty())  // other ways would contradict it
    return changes.add("no " + advised.settled_by, model, sizes, advised.anew);
  const auto recompute = [&](const char* key, Recomputation recomputation) {
    StepAsked asked = advised.asked;
    asked.recomputation = recomputation;
    changes.add(key, model, sizes, asked);
  };
  if (advised.asked.recomputation != Recomputation::automatic) {
    recompute("[model] recomputation = \"full\"", Recomputation::full);
    if (!model.pass.is_on_cpu)
      recompute("[model] recomputation = \"offload\"", Recomputation::offload);
  }
  StepAsked asked = advised.asked;
  if (asked.max_tokens_per_forward > 0) {
    asked.max_tokens_per_forward = sizes.longest;
    changes.add(message("max_tokens_per_forward = ", sizes.longest), model, sizes, asked);
    asked.max_tokens_per_forward = 0;
    changes.add("max_tokens_per_forward = 0 (open)", model, sizes, asked);
  }
  asked = advised.asked;
  if (asked.path == GradientPath::automatic) return;
  for (const GradientPath path : exact_gradient_paths(needs, advised.combination))
    if (asked.path = path; path != chosen.plan.settings.path && path != GradientPath::retain)
      changes.add(message("gradient_path = \"", to_string(path), "\""), model, sizes, asked);
}

/// What lies there from the first step to the last: weights, states, the reference.
void add_held(const StepModel& model, const StepSizes& sizes, const Advised& advised,
              Changes& changes) {
  StepModel other = model;
  if (!model.pass.is_on_cpu) {
    other.frozen.where = FrozenWeights::streamed;
    if (has_streamed(other))
      changes.add("[memory] frozen_weights = \"streamed\"", other, sizes, advised.asked);
  }
  if (model.publishing_bytes > 0) {
    other = model;
    other.publishing_bytes = 0;
    changes.add("[model] adapter.publish = \"adapter\"", other, sizes, advised.asked);
  }
  if (model.has_reference) {
    other = model;
    other.has_reference = false;
    changes.add("reference.cache = \"DIR\"", other, sizes, advised.asked);
  }
  other = model;
  const bool is_adapter = !model.pass.trains_weights;
  set_storage(other, is_adapter ? WeightStorage::nf4 : WeightStorage::bfloat16);
  const bool has_settled_rows = advised.stage.settled && advised.stage.settled->head_rows > 0;
  if (storages_of(model).size() > 1 && (is_adapter ? advised.takes_codes : !has_settled_rows))
    changes.add(
        message("[model] storage = ", is_adapter ? "\"nf4\"" : "\"bfloat16\"", " (other numbers)"),
        other, sizes, advised.asked);
  for (const OptimizerOptions& optimizer : optimizers_of(model)) {
    other = model;
    set_optimizer(other, optimizer);
    changes.add(optimizer.type != model.optimizer.type
                    ? "optimizer.type = \"adamw_8bit\" (other numbers)"
                    : "optimizer.resident = \"host\"",
                other, sizes, advised.asked);
  }
}

}  // namespace

std::string advice_text(const StepModel& model, const StepSizes& sizes, const ObjectiveNeeds& needs,
                        const ChosenStep& chosen, const Advised& advised, std::int64_t limit) {
  const std::int64_t now = chosen.plan.memory.peak_bytes(), less = now - now / 100;
  Changes changes(needs, advised, limit > 0 ? std::min(limit, less) : less);
  add_passes(model, sizes, needs, chosen, advised, changes);
  if (const std::int64_t batch_size = advised.stage.optimizer.batch_size; batch_size > 1) {
    StepSizes half = sizes;
    for (MicroBatchLoad& texts : half.micro_batches) texts.resize((texts.size() + 1) / 2);
    for (MicroBatchLoad& texts : half.validation) texts.resize((texts.size() + 1) / 2);
    changes.add(message("optimizer.batch_size = ", (batch_size + 1) / 2), model, half,
                advised.asked);
  }
  add_held(model, sizes, advised, changes);
  const std::vector<Change> list = changes.sorted();
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, list.size()); ++i)
    if (list[i].peak_bytes < less)
      text += message(text.empty() ? "" : "\n", "  with ", list[i].key, " it needs ",
                      bytes_text(list[i].peak_bytes),
                      limit > 0 && list[i].peak_bytes > limit ? ", too much by itself" : "");
  if (!text.empty() && limit > 0 && list.front().peak_bytes > limit)
    text += "\n  none of them alone is enough: lldm plan FILE --budget SIZE lists what is together";
  const bool is_in_hash = std::ranges::any_of(
      list, [](const Change& change) { return !change.key.starts_with("no "); });
  if (!text.empty() && advised.is_begun && is_in_hash)
    text +=
        "\n  the stage has begun: another key of it makes other work, which takes another --out";
  return text;
}

}  // namespace lldm
