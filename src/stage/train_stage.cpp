// SPDX-License-Identifier: MIT
// A pretraining, sft or preference stage, from rows to a published model.
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/stage_options.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/train/checkpoint.hpp"
#include "lldm/train/trainer.hpp"
#include "stage/data_source.hpp"
#include "stage/reference_scores.hpp"
#include "stage/score_study.hpp"
#include "stage/training_memory.hpp"
#include "stage/training_reporter.hpp"

namespace lldm {
namespace {

/// Keeps the last `count` rows for validation.
std::vector<TrainingRow> split_off(std::vector<TrainingRow>& rows, std::int64_t count,
                                   const std::string& stage) {
  if (count >= static_cast<std::int64_t>(rows.size()))
    throw ConfigError(message("stage \"", stage, "\": validation_rows = ", count,
                              " leaves none of the ", rows.size(),
                              " rows to train on\n  legal: 0 to ", rows.size() - 1));
  const auto first = rows.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<TrainingRow> held(std::make_move_iterator(first),
                                std::make_move_iterator(rows.end()));
  rows.erase(first, rows.end());
  return held;
}

struct Prepared {
  ModelBundle bundle;
  AnyForwardProcess process;
  AnyScoreEstimator estimator;
  AnyObjective objective;
  TrainingSetup setup;
  std::shared_ptr<ReferenceCache> cache;  // of the reference's scores; null without one
};

Prepared prepare(const RunContext& run, const Work& work, const TrainingStage& stage) {
  ModelBundle bundle = starting_model(run, work, stage.from);
  const Services services = run.services(work, bundle.tokenizer);
  const auto estimator = run.registry.make<AnyScoreEstimator>(stage.score_estimator, services);
  const auto objective = run.registry.make<AnyObjective>(stage.objective, services);
  const ObjectiveNeeds needs = objective.needs();
  CanvasRule rule = canvas_rule(stage.response_length, stage.score_padding);
  rule.is_plain_text = stage.kind == "pretraining";
  TrainingSetup setup;
  setup.rows = encode_rows(read_source(run, work, run.rows(work), needs.group_size),
                           *bundle.tokenizer, training_template(run, work, bundle.folder), rule);
  check_lengths(setup.rows, bundle.model->shape().max_length, stage.name);
  setup.validation = split_off(setup.rows, stage.validation_rows, stage.name);
  bundle.model->set_trainable(true);
  setup.policy = std::make_shared<const AnyDenoiser>(bundle.model);
  std::shared_ptr<ReferenceCache> cache;
  if (!stage.reference.cache.empty()) {
    // The policy is the reference as long as nothing was trained: its scores need no second copy.
    cache = open_reference_cache(run, work, stage, bundle);
    setup.stored_reference = [cache](const ScorePlan& plan) { return cache->readouts(plan); };
  } else if (needs.reference) {
    const PurposeScope scope(MemoryPurpose::weights);
    setup.reference = std::make_shared<const AnyDenoiser>(bundle.model->frozen_copy());
  }
  setup.optimizer = stage.optimizer;
  setup.rhythm = {stage.logging_steps, stage.evaluate_steps, stage.save_steps,
                  stage.keep_checkpoints};
  setup.engine.max_tokens_per_forward = stage.max_tokens_per_forward;
  setup.shared_draws = stage.shared_draws;
  setup.draws_epochs = stage.draws_epochs;
  setup.random_length_share = stage.random_length_share;
  setup.device = run.device;
  setup.draws = services.draws;
  return {bundle,           make_process(run, services, stage.forward_process),
          estimator,        objective,
          std::move(setup), cache};
}

using StageTrainer = Trainer<AnyForwardProcess, AnyScoreEstimator, AnyObjective>;

/// Everything a stage will ask its reference: by row and epoch, then by repetition of the study.
AskedPlans asked_plans(const StageTrainer& trainer, const Prepared& prepared,
                       const std::vector<TrainingRow>& study_rows) {
  const auto uses = std::make_shared<const std::vector<RowUse>>(trainer.row_uses());
  const std::size_t repeats = study_rows.empty() ? 0 : static_cast<std::size_t>(kStudyRepeats);
  return {uses->size() + repeats, [uses, &trainer, &prepared, &study_rows](std::size_t group) {
            const TrainingSetup& setup = prepared.setup;
            std::vector<AskedPlan> asked;
            if (group < uses->size()) {
              const RowUse& use = (*uses)[group];
              const auto& rows = use.purpose == Purpose::noise ? setup.rows : setup.validation;
              for (ScorePlan& plan : trainer.reference_plans(use))
                asked.push_back({std::move(plan), use.epoch, rows[use.row].id, asked.size()});
            } else {
              const auto repeat = static_cast<int>(group - uses->size());
              for (ScorePlan& plan :
                   study_plans(prepared.process, prepared.estimator, setup, study_rows, repeat))
                asked.push_back({std::move(plan), static_cast<std::uint64_t>(repeat) + 1,
                                 study_rows[asked.size() / 2].id, asked.size() % 2});
            }
            return asked;
          }};
}

}  // namespace

Result run_training(const TrainingStage& stage, const RunContext& run, const Work& work) {
  const MemoryManager::Watch watch(run.memory);
  Prepared prepared = prepare(run, work, stage);
  prepared.bundle.noise = trained_noise(stage.forward_process.type(), prepared.process);
  const ObjectiveNeeds needs = prepared.objective.needs();
  const TrainingMemory memory =
      plan_training_memory(run, work, stage, prepared.bundle, prepared.estimator, prepared.process,
                           needs, prepared.setup);
  prepared.setup.path = memory.path;
  const auto num_rows = static_cast<std::int64_t>(prepared.setup.rows.size());
  run.logger.info(message("stage ", run.label(work), ": ", num_rows,
                          needs.group_size == 2 ? " pairs" : " rows", ", ",
                          prepared.setup.optimizer.total_steps(num_rows), " steps, ",
                          prepared.bundle.model->shape().parameters, " parameters, gradient path ",
                          to_string(memory.path)));
  std::vector<TrainingRow> study_rows = prepared.setup.validation;
  const std::int64_t scored = prepared.setup.rows.front().answers.front().num_scored();
  const auto answers = static_cast<std::int64_t>(prepared.setup.rows.front().answers.size());
  StageTrainer trainer(prepared.process, prepared.estimator, prepared.objective, prepared.setup);
  std::optional<FilledPlans> filled;
  if (prepared.cache)  // before a checkpoint takes the place of the weights of `from`
    filled = fill_reference_cache(run, work, prepared.setup,
                                  asked_plans(trainer, prepared, study_rows), *prepared.cache);
  TrainingReporter reporter(run, work, prepared.bundle);
  const TrainingProgress begin = reporter.resume(trainer.optimizer(), trainer.total_steps());
  reporter.start(begin.step, trainer.total_steps());
  trainer.run(reporter, begin);
  reporter.finish();
  publish_model(work.folder / "model", prepared.bundle,
                training_template(run, work, prepared.bundle.folder));
  Result result = reporter.result();
  result["rows"] = num_rows;
  result["steps"] = trainer.total_steps();
  result["forward_passes_per_text"] = prepared.estimator.nominal_copies(scored);
  const std::int64_t texts = stage.optimizer.batch_size * stage.optimizer.accumulation * answers;
  if (const auto rule = prepared.estimator.adaptation())  // nominal is at `max`
    result["forward_passes"] =
        std::llround(reporter.evaluations() * static_cast<double>(texts) *
                     static_cast<double>(prepared.estimator.nominal_copies(scored) / rule->max));
  else
    result["forward_passes"] =
        trainer.total_steps() * texts * prepared.estimator.nominal_copies(scored);
  result["score_target"] = prepared.estimator.target(scored, prepared.process).name;
  result["gradient_path"] = to_string(memory.path);
  if (filled)
    result["reference_scores"] = {
        {"plans", filled->asked}, {"computed", filled->computed}, {"seconds", filled->seconds}};
  result["predicted_peak_bytes"] = memory.predicted_bytes;
  result["peak_bytes"] =
      watch.peak_bytes(run.device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu);
  run.logger.info(message("stage ", run.label(work), ": peak memory ",
                          bytes_text(result["peak_bytes"].get<std::uint64_t>()), ", predicted ",
                          bytes_text(static_cast<std::uint64_t>(memory.predicted_bytes))));
  for (std::size_t p = 1; p < kMemoryPurposeNames.size(); ++p)
    result["peak_bytes_by_purpose"][std::string(kMemoryPurposeNames[p])] =
        watch.peak_bytes(run.device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu,
                         static_cast<MemoryPurpose>(p));
  if (stage.kind == "preference" && !study_rows.empty())
    result["score_study"] =
        study_scores(prepared.process, prepared.estimator, prepared.setup, study_rows);
  return result;
}

}  // namespace lldm
