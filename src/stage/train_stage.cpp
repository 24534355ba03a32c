// SPDX-License-Identifier: MIT
// A pretraining, sft or preference stage, from rows to a published model.

#include <algorithm>

#include "experiment/settled_steps.hpp"
#include "lldm/errors.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/training_options.hpp"
#include "lldm/train/adamw_8bit.hpp"
#include "lldm/train/trainer.hpp"
#include "memory/bitsandbytes.hpp"
#include "memory/in_memory.hpp"
#include "model/device_parts.hpp"
#include "model/device_products.hpp"
#include "model/quantized/int8_on_device.hpp"
#include "model/quantized/nf4_on_device.hpp"
#include "stage/asked_plans.hpp"
#include "stage/benchmark_rows.hpp"
#include "stage/kinds.hpp"
#include "stage/prepared_training.hpp"
#include "stage/reference_scores.hpp"
#include "stage/score_study.hpp"
#include "stage/seen_prompts.hpp"
#include "stage/shared_training.hpp"
#include "stage/sound_model.hpp"
#include "stage/step_plan.hpp"
#include "stage/training_memory.hpp"
#include "stage/training_reporter.hpp"
#include "stage/training_rows.hpp"
#include "train/mismatched.hpp"

namespace lldm {
namespace {

/// Everything a stage will ask its reference: by row and epoch, then by repetition of the study.
AskedPlans asked_plans(const StageTrainer& trainer, const PreparedTraining& prepared,
                       const std::vector<TrainingRow>& study_rows) {
  const auto uses = std::make_shared<const std::vector<RowUse>>(trainer.row_uses());
  const std::size_t repeats = study_rows.empty() ? 0 : static_cast<std::size_t>(kStudyRepeats);
  return {uses->size() + repeats, [uses, &trainer, &prepared, &study_rows](std::size_t group) {
            const TrainingSetup& setup = prepared.setup;
            if (group < uses->size()) return asked_of(trainer, setup, (*uses)[group]);
            std::vector<AskedPlan> asked;
            const auto repeat = static_cast<int>(group - uses->size());
            for (ScorePlan& plan :
                 study_plans(prepared.process, prepared.estimator, setup, study_rows, repeat))
              asked.push_back({std::move(plan), static_cast<std::uint64_t>(repeat) + 1,
                               study_rows[asked.size() / 2].id, asked.size() % 2});
            return asked;
          }};
}

/// Says what is wrong with the order of rows on which a baseline depends.
/// Errors  DataError where a prompt with another row's answer is longer than the model takes.
void tell_mismatched(const RunContext& run, const Work& work, const PreparedTraining& prepared) {
  if (!prepared.needs.mismatched) return;
  const std::int64_t max_length = prepared.bundle.model->shape().max_length;
  ScoreLabels labels = prepared.setup.labels;
  for (const auto* rows : {&prepared.setup.rows, &prepared.setup.validation}) {
    if (rows == &prepared.setup.validation && prepared.setup.validation_row)
      labels.row = prepared.setup.validation_row;
    if (const std::string problem = mismatched_too_long(*rows, labels, max_length);
        !problem.empty())
      throw DataError(message("stage ", run.label(work), ": ", problem));
  }
  const OptimizerOptions& optimizer = prepared.setup.optimizer;
  const std::int64_t rows_per_step = optimizer.batch_size * optimizer.gradient_accumulation_steps;
  const std::string problem = mismatched_problem(
      prepared.setup.rows, RowOrder(prepared.setup.draws, prepared.setup.num_rows(), rows_per_step),
      rows_per_step);
  if (!problem.empty()) run.logger.warning(message("stage ", run.label(work), ": ", problem));
}

/// Texts that the policy scored in training: every row of every step, and mismatched ones.  0 where
/// nobody counts them: rows of a corpus that hold several each.
std::int64_t trained_texts(const StageTrainer& trainer, const TrainingSetup& setup,
                           const ObjectiveNeeds& needs, bool is_packed) {
  if (is_packed) return 0;
  const OptimizerOptions& optimizer = setup.optimizer;
  const std::int64_t limit = optimizer.row_limit(setup.num_rows());
  std::int64_t rows =
      trainer.total_steps() * optimizer.batch_size * optimizer.gradient_accumulation_steps;
  if (limit >= 0) rows = std::min(rows, limit);
  return rows * (needs.group_size + (needs.mismatched ? 1 : 0));
}

/// Forward passes as they were run, over the whole stage.
void add_passes(Result& result, const TrainingReporter& reporter, std::int64_t texts) {
  const auto asked = reporter.passes().at("forward_passes");
  if (texts > 0 && asked % texts == 0)
    result["forward_passes_per_text"] = asked / texts;
  else if (texts > 0)
    result["forward_passes_per_text"] = static_cast<double>(asked) / static_cast<double>(texts);
  for (const auto& [name, count] : reporter.passes()) result[name] = count;
}

/// A [template] of the file is a new one to learn, which nobody should do unawares.
void warn_of_new_template(const RunContext& run, const Work& work,
                          const std::filesystem::path& folder, bool has_reference) {
  if (folder.empty()) return;
  try {
    static_cast<void>(template_of(run, work, folder));
  } catch (const ConfigError&) {
    run.logger.warning(
        message("stage ", run.label(work), ": [template] is not the one that ", folder.string(),
                " was trained with: the model learns the new one",
                has_reference ? ", and its frozen reference is scored under it" : ""));
  }
}

/// AdamW's moments in codes are blocks of numbers, and small tensors keep float32 ones.
void tell_small_tensors(const RunContext& run, const Work& work, const StepModel& model) {
  const auto is_small = [](const std::vector<std::int64_t>& size) {
    std::int64_t numbers = 1;
    for (const std::int64_t side : size) numbers *= side;
    return numbers < AdamW8Bit::kLeastNumbers;
  };
  if (model.optimizer.type == "adamw_8bit" && std::ranges::all_of(model.trained_sizes, is_small))
    run.logger.warning(message("stage ", run.label(work),
                               ": optimizer.type = \"adamw_8bit\" is as \"adamw\" here: no trained "
                               "tensor has ",
                               AdamW8Bit::kLeastNumbers,
                               " numbers, and smaller ones keep moments "
                               "in float32"));
}

/// `prepare_training`; where not even its weights fit, what the whole stage needs is told.
PreparedTraining prepare(const RunContext& run, const Work& work, const TrainingStage& stage,
                         const Registry& registry) {
  try {
    return prepare_training(run, work, stage);
  } catch (const OutOfMemory& error) {
    Experiment experiment = run.experiment(work);
    experiment.lists_choices = true;
    const StagePlan plan = TrainingKind::plan(stage, experiment, registry);
    const auto least = std::ranges::min_element(
        plan.choices, {}, [](const StepChoice& choice) { return choice.memory.peak_bytes(); });
    throw OutOfMemory(message(
        error.what(), "\n  ", plan.lengths, ", the plan needs ",
        bytes_text(plan.choices.front().memory.peak_bytes()), ", the least way to do the steps ",
        bytes_text(least->memory.peak_bytes()), ": lldm plan FILE --budget SIZE lists them"));
  }
}

}  // namespace

Result TrainingKind::run(const Options& stage, const RunContext& run, const Work& work) {
  const MemoryManager::Watch watch(run.memory);
  ProcessGroup* const group = run.options.group.get();
  PreparedTraining prepared =
      together(group, [&] { return prepare(run, work, stage, run.registry); });
  prepared.bundle.noise = trained_noise(stage.forward_process.type(), prepared.process);
  const ObjectiveNeeds& needs = prepared.needs;
  warn_of_new_template(run, work, prepared.bundle.folder, needs.reference);
  tell_mismatched(run, work, prepared);
  const TrainingPlan plan =
      first_then_others(group, [&] { return plan_training(run, work, stage, prepared); });
  obey(plan.chosen, prepared);
  tell_small_tensors(run, work, plan.model);
  if (run.experiment(work).options.memory.frozen_weights == FrozenWeights::streamed &&
      !has_streamed(plan.model))
    run.logger.info(
        message("stage ", run.label(work),
                ": [memory] frozen_weights = \"streamed\" has no effect here: no matrix "
                "of a block stays as it is, every one is trained"));
  if (!group || group->is_first()) note_settled(run.options.out, run.schedule);
  const std::int64_t num_rows = prepared.setup.num_rows();
  run.logger.info(message("stage ", run.label(work), ": ", num_rows,
                          needs.group_size == 2 ? " pairs" : " rows", ", ",
                          prepared.setup.optimizer.total_steps(num_rows), " steps, ",
                          prepared.bundle.model->shape().parameters, " parameters, gradient path ",
                          to_string(prepared.setup.path), shared_by(group)));
  tell_idle(run, work, prepared.setup);
  std::vector<TrainingRow> study_rows;  // pairs whose scores are studied
  if (needs.group_size > 1) study_rows = prepared.setup.validation;
  const TrainingRow first =
      prepared.setup.source ? prepared.setup.source->row(0).front() : prepared.setup.rows.front();
  const std::int64_t scored = first.answers.front().num_scored();
  StageTrainer trainer(prepared.process, prepared.estimator, prepared.objective, prepared.setup);
  std::optional<FilledPlans> filled;
  if (prepared.cache)  // before a checkpoint takes the place of the weights of `from`
    filled = together(group, [&] {
      return fill_reference_cache(run, work, prepared.setup,
                                  asked_plans(trainer, prepared, study_rows), *prepared.cache);
    });
  const MemoryDevice device = run.device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu;
  if (group && !group->is_first()) {
    follow(run, trainer, prepared);
    static_cast<void>(most_of_all(*group, peaks_of(watch, device)));
    return {};
  }
  TrainingReporter reporter(run, work, prepared.bundle);
  const TrainingProgress begin = reporter.resume(trainer.optimizer(), trainer.total_steps());
  reporter.start(begin.step, trainer.total_steps());
  if (group) static_cast<void>(begin_together(*group, begin, prepared.setup, trainer.optimizer()));
  try {
    trainer.run(reporter, begin);
  } catch (const OutOfMemory& error) {  // tried again already, with smaller passes
    throw OutOfMemory(
        message(memory::without_advice(error.what()), "\n",
                plan.advice(stage, run.experiment(work).options.memory.budget.bytes)));
  }
  MemoryPeaks peaks;
  if (group) peaks = most_of_all(*group, peaks_of(watch, device));
  reporter.finish();
  if (group && !group->why_on_host().empty())
    run.logger.warning(
        message("stage ", run.label(work),
                ": the gradients of the GPUs were summed on the host, which is slow: ",
                group->why_on_host()));
  require_sound_model(stage.name, trainer.total_steps(), prepared.process, prepared.estimator,
                      prepared.setup);
  if (!prepared.setup.source)  // whose texts nobody has: what was trained on is then unknown
    save_prompts(work.folder, prepared.sources, reads_texts(run, work), prepared.bundle.folder);
  publish_model(work.folder / "model", prepared.bundle,
                training_template(run, work, prepared.bundle.folder));
  Result result = reporter.result();
  result["rows"] = num_rows;
  if (prepared.long_rows.is_any())
    result["long_rows"] = {{"rows", prepared.long_rows.rows},
                           {"cut", prepared.long_rows.cut},
                           {"dropped", prepared.long_rows.dropped}};
  result["steps"] = trainer.total_steps();
  add_passes(result, reporter,
             trained_texts(trainer, prepared.setup, needs, holds_several_texts(run, work)));
  if (!prepared.held_out.is_null()) result["held_out"] = prepared.held_out;
  if (stage.allow_benchmarks.value_or(false))
    result["benchmark_rows"] =
        benchmark_rows(run.schedule.stage_of(work).facts.rows.front(), prepared.sources);
  result["score_target"] = prepared.estimator.target(scored, prepared.process).name;
  result["gradient_path"] = to_string(prepared.setup.path);
  if (group) result["processes"] = group->size();
  if (run.device == "cuda") {
    result["bitsandbytes"] = memory::bitsandbytes_text();
    result["block_parts"] = device_parts_text();
    if (const std::string decoder = nf4_decoder_text(); !decoder.empty())
      result["nf4_decoder"] = decoder;
    if (const std::string decoder = int8_decoder_text(); !decoder.empty())
      result["int8_decoder"] = decoder;
    if (const std::string products = device_products_text(); !products.empty())
      result["device_products"] = products;
    if (has_untrusted_products())
      run.logger.warning(message("products of 16 bits: ", device_products_text(),
                                 "\n  scores are rounded more; `gpu_check` says what it is"));
    if (has_untrusted_parts())
      run.logger.warning(message("block parts ", device_parts_text(),
                                 "\n  slower, in more memory; `gpu_check` says what it is"));
  }
  if (filled)
    result["reference_scores"] = {{"plans", filled->asked},
                                  {"computed", filled->computed},
                                  {"evaluated_passes", filled->evaluated_passes},
                                  {"seconds", filled->seconds}};
  for (std::size_t p = 1; p < kMemoryPurposeNames.size(); ++p)
    result["predicted_bytes_by_purpose"][std::string(kMemoryPurposeNames[p])] =
        plan.chosen.plan.memory.purpose_peaks[p];
  result["predicted_peak_bytes"] = plan.chosen.plan.memory.peak_bytes();
  if (!study_rows.empty()) {
    TrainingSetup setup = prepared.setup;
    setup.engine = trainer.engine_options();
    result["score_study"] = study_scores(prepared.process, prepared.estimator, setup, study_rows);
  }
  peaks = most_of(peaks, peaks_of(watch, device));
  result["peak_bytes"] = peaks.total;
  run.logger.info(
      message("stage ", run.label(work), ": peak memory ",
              bytes_text(result["peak_bytes"].get<std::uint64_t>()), ", predicted ",
              bytes_text(static_cast<std::uint64_t>(plan.chosen.plan.memory.peak_bytes()))));
  for (std::size_t p = 0; p < kMemoryPurposeNames.size(); ++p)
    result["peak_bytes_by_purpose"][std::string(kMemoryPurposeNames[p])] = peaks.purposes[p];
  return result;
}

}  // namespace lldm
