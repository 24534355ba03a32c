// SPDX-License-Identifier: MIT
#include "stage/prepared_training.hpp"
#include "stage/memory_given.hpp"

#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/registry/registry.hpp"
#include "stage/score_labels.hpp"
#include "stage/trained_weights.hpp"
#include "stage/training_memory.hpp"
#include "stage/training_rows.hpp"

namespace lldm {
namespace {

ScoreLabels stage_labels(const RunContext& run, const Work& work, const TrainingStage& stage) {
  return {.where = message("stage \"", run.label(work), "\""),
          .policy = denoiser_label(run, work, ""),
          .reference = denoiser_label(run, work, stage.from),
          .score_estimator =
              component_label(run.registry, Role::score_estimator, stage.score_estimator.table),
          .objective = component_label(run.registry, Role::objective, stage.objective.table),
          .row = row_label(run, work, run.rows(work).resolved)};
}

}  // namespace

PreparedTraining prepare_training(const RunContext& run, const Work& work,
                                  const TrainingStage& stage) {
  const ExperimentOptions& options = run.experiment(work).options;
  const bool is_adapter =
      options.model.adapter.type == AdapterType::lora && !starts_fresh(stage, options.model);
  ModelBundle bundle =
      starting_model(run, work, stage.from, is_adapter ? WeightUse::frozen : WeightUse::trained);
  const Services services = run.services(work, bundle.tokenizer);
  const auto estimator = run.registry.make<AnyScoreEstimator>(stage.score_estimator, services);
  const auto objective = run.registry.make<AnyObjective>(stage.objective, services);
  TrainingSetup setup;
  setup.draws = services.draws;
  PreparedRows all = read_rows(run, work, stage, bundle, objective.needs().group_size);
  if (!all.source) tell_held_out(run, work, all.held, reads_texts(run, work), bundle.folder);
  setup.source = std::move(all.source);
  tell_begin_of_text(run, work, bundle, all.rows);
  setup.rows = std::move(all.rows);
  setup.validation = std::move(all.held.rows);
  setup.labels = stage_labels(run, work, stage);
  if (const StageRows* rows = run.schedule.stage_of(work).facts.rows_at("validation"))
    setup.validation_row = row_label(run, work, rows->data.resolved);
  const AdapterOptions adapter = settle_weights(run, work, stage, bundle);
  const ObjectiveNeeds needs = needs_of_rows(objective.needs(), setup);
  std::shared_ptr<ReferenceCache> cache;
  if (!stage.reference.cache.empty()) {
    // The policy is the reference as long as nothing was trained: its scores need no second copy.
    // Before the adapter: the cache is named by the weights, which are then all parameters.
    cache = open_reference_cache(run, work, stage, bundle);
    setup.stored_reference = [cache](const ScorePlan& plan) { return cache->readouts(plan); };
  }
  if (adapter.type == AdapterType::lora) train_adapter(run, work, adapter, setup, bundle);
  setup.policy = std::make_shared<const AnyDenoiser>(bundle.model);
  if (needs.reference && !cache) {
    const PurposeScope scope(MemoryPurpose::weights);
    setup.reference = std::make_shared<const AnyDenoiser>(
        bundle.model->frozen_copy_at(frozen_placement(options.memory)));
  }
  setup.optimizer = stage.optimizer;
  setup.rhythm = {stage.logging_steps, stage.eval_steps, stage.save_steps, stage.save_total_limit};
  setup.engine = {.max_tokens_per_forward = stage.max_tokens_per_forward,
                  .num_tokens = bundle.tokenizer->vocabulary_size(),
                  .on_smaller_passes = told_of_smaller_passes(run, work)};
  setup.shared_draws = stage.shared_draws;
  setup.draws_epochs = stage.draws_epochs;
  setup.random_length_share = stage.random_length_share;
  setup.device = run.device;
  for (const std::string_view type :
       {stage.forward_process.type(), stage.score_estimator.type(), stage.objective.type()})
    if (run.experiment(work).plugin_files.contains(std::string(type)))
      setup.component_purpose = MemoryPurpose::unscoped;
  setup.group = run.options.group;
  if (options.model.dtype == ModelDtype::float16)
    setup.loss_scaling = stage.optimizer.loss_scaling();
  setup.reduction = stage.reduction.value_or(Reduction::fast);
  return {bundle,
          make_process(run, services, stage.forward_process),
          estimator,
          objective,
          std::move(setup),
          cache,
          std::move(all.sources),
          std::move(all.held.record),
          std::move(all.long_rows),
          needs};
}

}  // namespace lldm
