// SPDX-License-Identifier: MIT
#include "stage/reference_scores.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/storage/sha256.hpp"
#include "storage/file_digests.hpp"

namespace lldm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kSaveEvery(1);

/// Keys of a stage that decide its plans, shown where a cache holds none of them.
constexpr std::array<const char*, 8> kPlanKeys = {
    "data",          "forward_process", "score_estimator", "response_length",
    "score_padding", "shared_draws",    "draws_epochs",    "validation_rows"};

/// By what the files of its folder hold, which manifests and remembered digests know: hashing the
/// weights themselves would copy all of them from the device.  Of a fresh model, its weights.
std::string model_hash(const ModelBundle& bundle) {
  const PurposeScope scope(MemoryPurpose::staging);
  const Model& model = *bundle.model;
  Sha256 hash;
  hash.update(model.config_text());
  if (model.precision().compute == at::kBFloat16) hash.update("bfloat16 products\n");
  if (model.precision().compute == at::kHalf) hash.update("float16 products\n");
  if (!bundle.folder.empty()) {
    hash.update(message("storage ", static_cast<int>(model.precision().storage), ", ",
                        model.has_adapter() ? "beside an adapter" : "whole", "\n"));
    for (const auto& [name, file] : adapter_base(bundle.folder, model.precision()).files)
      hash.update(message(name, " ", file.sha256, "\n"));
    if (is_adapter_folder(bundle.folder))
      for (const char* name : {"adapter_config.json", "adapter_model.safetensors"})
        hash.update(message(name, " ", file_digest(bundle.folder / name), "\n"));
    return "sha256:" + hash.hex();
  }
  for (const NamedParameter& parameter : model.parameters()) {
    const at::Tensor value = parameter.value.detach().to(at::kCPU).contiguous();
    hash.update(message(parameter.name, " ", value.sizes(), "\n"));
    hash.update(value.const_data_ptr(), value.nbytes());
  }
  return "sha256:" + hash.hex();
}

/// The same for the same stage (or folder) under the same settings of model and tokenizer.
std::string origin_of(const RunContext& run, const Work& work) {
  const std::string& from = run.schedule.stage_of(work).facts.from;
  const auto input = work.inputs.find(from);
  const ExperimentOptions& options = run.experiment(work).options;
  return sha256_hex((input != work.inputs.end() ? run.schedule.work[input->second].hash : from) +
                    config::to_toml(config::write_options(options.model)) +
                    config::to_toml(config::write_options(options.tokenizer)))
      .substr(0, 16);
}

std::vector<std::string> siblings_of(const RunContext& run, const TrainingStage& stage) {
  std::vector<std::string> origins;
  for (const Work& work : run.schedule.work)
    if (const auto* other = run.schedule.stage_of(work).as<TrainingStage>();
        other && other->reference.cache == stage.reference.cache)
      origins.push_back(origin_of(run, work));
  return origins;
}

/// What the plans follow from, for `differing_settings`.
std::string settings_note(const RunContext& run, const Work& work) {
  Result note = {{"stage", work.stage}, {"seed", work.seed}};
  const config::Value& table = run.schedule.stage_of(work).resolved;
  for (const char* key : kPlanKeys)
    if (const config::Member* member = table.find(key)) note[key] = config::to_toml(member->value);
  return note.dump();
}

/// Why a cache that holds plans holds none of these: what was asked of it last, where it differs.
std::string differing_settings(const std::string& there, const std::string& here) {
  const Result before = Result::parse(there, nullptr, false), now = Result::parse(here);
  std::string text;
  if (!before.is_object()) return text;
  for (const auto& [key, value] : now.items()) {
    const std::string other = before.value(key, Result("missing")).dump();
    if (other != value.dump())
      text += message("\n  ", key, ": it was filled for ", other, ", here ", value.dump());
  }
  return text;
}

class Filling {
 public:
  Filling(const RunContext& run, const Work& work, const TrainingSetup& setup,
          const AskedPlans& asked, ReferenceCache& cache)
      : run_(run),
        work_(work),
        asked_(asked),
        cache_(cache),
        engine_(setup.policy, nullptr, setup.device, setup.engine) {}

  FilledPlans all() {
    const auto begin = Clock::now();
    const std::vector<std::size_t> missing = missing_groups();
    report_found();
    if (!missing.empty()) {
      run_.options.observer->begin(run_.label(work_) + " reference scores", "plans", found(),
                                   static_cast<std::int64_t>(keys_.size()));
      cache_.append_note(settings_note(run_, work_));
      // Processes begin at different places, so that each finds done what another came to first.
      const double share = std::fmod(0.6180339887498949 * static_cast<double>(::getpid()), 1.0);
      const auto first = static_cast<std::size_t>(share * static_cast<double>(missing.size()));
      for (std::size_t i = 0; i < missing.size(); ++i)
        compute(missing[(first + i) % missing.size()]);
      save();
      run_.options.observer->end();
    }
    return {keys_.size(), computed_, evaluated_,
            std::chrono::duration<double>(Clock::now() - begin).count()};
  }

 private:
  std::vector<std::size_t> missing_groups() {
    std::vector<std::size_t> missing;
    for (std::size_t group = 0; group < asked_.groups; ++group) {
      bool is_missing = false;
      for (const AskedPlan& asked : asked_.of(group)) {
        const PlanKey key = plan_key(asked.plan);
        keys_.insert(key);
        is_missing = is_missing || !cache_.contains(key);
      }
      if (is_missing) missing.push_back(group);
    }
    return missing;
  }

  [[nodiscard]] std::int64_t found() const {
    return std::count_if(keys_.begin(), keys_.end(),
                         [&](const PlanKey& key) { return cache_.contains(key); });
  }

  void report_found() {
    show_problems();
    const std::int64_t found = this->found();
    std::string text = message("stage ", run_.label(work_), ": reference scores: ", found, " of ",
                               keys_.size(), " plans found in ", cache_.file().string());
    if (found == static_cast<std::int64_t>(keys_.size()))
      text += ": nothing is left to compute";
    else if (found == 0 && cache_.size() > 0)
      text += message(", which holds ", cache_.size(), " others",
                      differing_settings(cache_.last_note(), settings_note(run_, work_)));
    run_.logger.info(text);
  }

  void compute(std::size_t group) {
    for (const AskedPlan& asked : asked_.of(group)) {
      const PlanKey key = plan_key(asked.plan);
      if (cache_.contains(key)) continue;
      const auto values = engine_.readouts(std::span(&asked.plan, 1), /*reference=*/false);
      evaluated_ += asked.plan.copies();
      pending_.push_back({key, asked.epoch, asked.row, asked.answer, values});
    }
    if (Clock::now() - last_save_ >= kSaveEvery) save();
    if (!run_.options.observer->should_stop()) return;
    save();
    throw Stopped(message("stopped on request with ", found(), " of ", keys_.size(),
                          " reference scores computed"));
  }

  void save() {
    cache_.append(pending_);
    computed_ += pending_.size();
    pending_.clear();
    last_save_ = Clock::now();
    show_problems();
    run_.options.observer->progress(found(), {});
  }

  void show_problems() {
    for (const std::string& problem : cache_.take_problems()) run_.logger.warning(problem);
  }

  const RunContext& run_;
  const Work& work_;
  const AskedPlans& asked_;
  ReferenceCache& cache_;
  ScoreEngine<AnyDenoiser> engine_;
  std::set<PlanKey> keys_;
  std::vector<StoredPlan> pending_;
  std::size_t computed_ = 0;
  std::int64_t evaluated_ = 0;
  Clock::time_point last_save_ = Clock::now();
};

}  // namespace

std::shared_ptr<ReferenceCache> open_reference_cache(const RunContext& run, const Work& work,
                                                     const TrainingStage& stage,
                                                     const ModelBundle& reference) {
  const Model& model = *reference.model;
  ReferenceSource source;
  source.identity.dtype = model.dtype() == at::kDouble ? "float64" : "float32";
  source.identity.model = model_hash(reference);
  source.identity.excluded_logit = model.excluded_logit().value_or(-1);
  source.identity.tokenizer = reference.tokenizer->fingerprint();
  source.identity.device = run.device;
  source.origin = origin_of(run, work);
  source.made_by = work.inputs.contains(stage.from)
                       ? message("stage ", stage.from, " of ", run.experiment(work).options.name)
                       : stage.from;
  return std::make_shared<ReferenceCache>(stage.reference.cache, source, siblings_of(run, stage));
}

FilledPlans fill_reference_cache(const RunContext& run, const Work& work,
                                 const TrainingSetup& setup, const AskedPlans& asked,
                                 ReferenceCache& cache) {
  return Filling(run, work, setup, asked, cache).all();
}

}  // namespace lldm
