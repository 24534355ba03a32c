// SPDX-License-Identifier: MIT
#include "lldm/measure/step_measurement.hpp"

#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "config/choice_name.hpp"
#include "experiment/folder_index.hpp"
#include "experiment/growth.hpp"
#include "lldm/errors.hpp"
#include "lldm/measure/product_rate.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/render/table.hpp"
#include "lldm/stage/run_context.hpp"
#include "lldm/stage/training_options.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/train/trainer.hpp"
#include "stage/asked_plans.hpp"
#include "stage/prepared_training.hpp"
#include "stage/step_time.hpp"
#include "stage/training_memory.hpp"
#include "storage/scratch_folder.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

/// Notes the length and the phases of every step.
class StepTimes final : public TrainingObserver {
 public:
  StepTimes(PhaseClock& clock, const MemoryManager& memory, MemoryDevice device)
      : clock_(clock), memory_(memory), device_(device) {}
  void on_log(std::int64_t /*step*/, std::int64_t /*total*/,
              const std::map<std::string, double>& metrics) override {
    steps.push_back(clock_.take());
    rates.push_back(metrics.at("learning_rate"));
    losses.push_back(metrics.at("loss"));
    const MemoryReport report = memory_.report();
    const DeviceMemory* counted = report.find(device_);
    allocations.push_back(counted ? counted->allocations : 0);
  }
  std::vector<PhaseSeconds> steps;
  std::vector<double> rates, losses;
  std::vector<std::int64_t> allocations;  // so far, behind every step

 private:
  PhaseClock& clock_;
  const MemoryManager& memory_;
  MemoryDevice device_;
};

double total(const PhaseSeconds& phases) {
  double sum = 0;
  for (const double seconds : phases) sum += seconds;
  return sum;
}

const Work& work_of(const RunSchedule& schedule, const std::string& wanted) {
  const Work* found = nullptr;
  std::string trained;
  for (const Work& work : schedule.work) {
    if (!schedule.stage_of(work).as<TrainingStage>()) continue;
    trained += (trained.empty() ? "" : ", ") + work.stage;
    if (wanted.empty() || work.stage == wanted) found = &work;
  }
  if (found) return *found;
  throw ConfigError(message("bench step: ",
                            wanted.empty() ? std::string("no stage of the file trains")
                                           : message("no stage \"", wanted, "\" trains"),
                            trained.empty() ? "" : "\n  stages that do: " + trained));
}

/// What a step would need that nobody has made.
void check_inputs(const RunSchedule& schedule, const Work& work, const fs::path& run) {
  for (const StageRows& rows : schedule.stage_of(work).facts.rows)
    if (run.empty() && !rows.data.options.stage.empty())
      throw ConfigError(message("bench step: stage \"", work.stage, "\" reads rows of stage \"",
                                rows.data.options.stage,
                                "\", which has not run\n  give --out DIR, "
                                "the folder of a run where it is finished"));
  if (run.empty()) return;
  for (const auto& [name, input] : work.inputs) {
    if (is_done(schedule.work[input])) continue;
    const Growth growth = growth_of(schedule, read_index(run));
    if (growth.changes.empty())
      throw ConfigError(message("bench step: stage \"", name, "\" is not finished in ",
                                run.string(), "\n  run it first, or leave --out out"));
    std::string text = message("bench step: ", run.string(), " holds no stage \"", name,
                               "\" of this file: its work would be another");
    for (const std::string& change : growth.changes) text += "\n  " + change;
    throw ConfigError(text + "\n  measure with the file as it was run, or leave --out out");
  }
}

/// The stage for `steps` steps and nothing else.
TrainingStage shortened(const TrainingStage& stage, std::int64_t steps, const fs::path& scratch) {
  TrainingStage own = stage;
  if (!own.reference.cache.empty()) own.reference.cache = scratch / "reference";
  own.optimizer.steps = steps;
  own.optimizer.epochs = 0;
  own.logging_steps = 1;
  own.eval_steps = own.save_steps = 0;
  return own;
}

std::string work_text(const RunContext& run, const Work& work, const PreparedTraining& prepared,
                      std::int64_t trained) {
  const auto millions = [](std::int64_t count) {
    return rounded_text(static_cast<double>(count) * 1e-6, 4) + "M";
  };
  const TrainingSetup& setup = prepared.setup;
  const std::int64_t rows =
      setup.optimizer.batch_size * setup.optimizer.gradient_accumulation_steps;
  return message(run.experiment(work).options.name, ", stage ", work.stage, ": ", rows,
                 prepared.needs.group_size == 2 ? " pair(s)" : " row(s)", " a step, ",
                 millions(prepared.bundle.model->shape().parameters), " parameters, ",
                 millions(trained), " trained, vocabulary ",
                 prepared.bundle.model->shape().vocabulary);
}

void note_peaks(const MemoryManager::Watch& watch, MemoryDevice device, StepMeasurement& result) {
  for (std::size_t p = 0; p < kMemoryPurposeNames.size(); ++p)
    result.peak_bytes.emplace_back(kMemoryPurposeNames[p],
                                   watch.peak_bytes(device, static_cast<MemoryPurpose>(p)));
  result.peak_bytes.emplace_back("total", watch.peak_bytes(device));
}

void note_steps(std::vector<PhaseSeconds> steps, std::int64_t warm_up, StepMeasurement& result) {
  steps.erase(steps.begin(), steps.begin() + std::min(std::ssize(steps), warm_up));
  for (const PhaseSeconds& step : steps) result.seconds.push_back(total(step));
  const auto middle = steps.begin() + std::ssize(steps) / 2;
  std::ranges::nth_element(steps, middle, {}, total);
  if (middle != steps.end()) result.phases = *middle;
}

/// The plans of a micro-batch as one line of JSON.
std::string plans_line(const ScoreBatch& batch) {
  nlohmann::ordered_json line = {{"group_size", batch.group_size},
                                 {"plans", nlohmann::ordered_json::array()}};
  for (const ScorePlan& plan : batch.plans) {
    nlohmann::ordered_json one = {{"prompt", plan.num_prompt},
                                  {"scored", plan.num_scored},
                                  {"constant", plan.constant},
                                  {"copies", nlohmann::ordered_json::array()},
                                  {"queries", nlohmann::ordered_json::array()}};
    for (std::int64_t c = 0; c < plan.copies(); ++c) one["copies"].push_back(plan.copy(c));
    for (const Query& query : plan.queries)
      one["queries"].push_back({query.copy, query.position, query.target, query.weight});
    line["plans"].push_back(std::move(one));
  }
  return line.dump() + "\n";
}

/// Rows of the packed forward passes of a step, and how many of them are queried.
std::vector<ProductShape> shapes_of(const StepMeasurement& result, const ModelShape& model,
                                    const TrainingSetup& setup) {
  const auto steps = static_cast<std::int64_t>(result.seconds.size());
  const std::int64_t tokens = result.useful.tokens / steps;
  const std::int64_t passes = std::max<std::int64_t>(
      1, (tokens + setup.engine.max_tokens_per_forward - 1) / setup.engine.max_tokens_per_forward);
  return product_shapes(model, tokens / passes, result.useful.queries / steps / passes);
}

struct Bench {
  const RunContext& run;
  const Work& work;
  const StepMeasurementOptions& options;
  const fs::path& scratch;

  StepMeasurement measure() const {
    const PurposeScope purpose(MemoryPurpose::workspace);
    StepMeasurement result;
    std::optional<MemoryManager::Watch> watch(std::in_place, run.memory);
    const TrainingStage stage = shortened(*run.schedule.stage_of(work).as<TrainingStage>(),
                                          options.warm_up + options.steps, scratch);
    PreparedTraining prepared = prepare_training(run, work, stage);
    prepared.setup.validation.clear();
    prepared.is_published = false;
    const TrainingPlan plan = plan_training(run, work, stage, prepared);
    obey(plan.chosen, prepared);
    describe(prepared, plan.chosen.plan.memory, result);
    const DeviceProfile profile = profile_of(run.experiment(work).options, run.device);
    for (const auto& [what, seconds] :
         step_seconds(plan.model, plan.sizes, plan.chosen.plan, profile))
      result.predicted_seconds.emplace_back(what, seconds);
    train(prepared, result);
    note_peaks(*watch, memory_device(), result);
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    result.process_peak_bytes = std::int64_t{used.ru_maxrss} * 1024;
    watch.reset();
    // The steps' budget is none of products that are measured by themselves; a card is shared.
    if (run.device == "cpu") run.memory.set_budget(MemoryDevice::cpu, ByteSize{});
    const ProductRate rate =
        measure_products(shapes_of(result, prepared.bundle.model->shape(), prepared.setup),
                         prepared.bundle.model->precision().compute, at::Device(run.device));
    result.product_flops_per_second = rate.flops_per_second;
    result.product_library = rate.library;
    return result;
  }

 private:
  [[nodiscard]] MemoryDevice memory_device() const {
    return run.device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu;
  }

  void describe(const PreparedTraining& prepared, const MemoryPlan& memory,
                StepMeasurement& result) const {
    result.work = work_text(run, work, prepared, num_trained(*prepared.bundle.model));
    result.predicted_peak_bytes = memory.peak_bytes();
    result.gradient_path = to_string(prepared.setup.path);
    result.device = run.device;
    result.dtype = config::choice_name(run.experiment(work).options.model.dtype);
    result.threads = at::get_num_threads();
    result.vocabulary = prepared.bundle.model->shape().vocabulary;
  }

  void train(const PreparedTraining& prepared, StepMeasurement& result) const {
    const WorkShape shape{.model = prepared.bundle.model->shape(),
                          .adapter_values = prepared.bundle.model->has_adapter()
                                                ? num_trained(*prepared.bundle.model)
                                                : 0,
                          .asks_reference = prepared.setup.reference != nullptr};
    TrainingSetup setup = prepared.setup;
    std::vector<UsefulWork> by_batch;
    std::string plans;
    setup.on_batch = [&](const ScoreBatch& batch) {
      by_batch.emplace_back().add(batch, shape);
      if (!options.plans.empty()) plans += plans_line(batch);
    };
    StageTrainer trainer(prepared.process, prepared.estimator, prepared.objective,
                         std::move(setup));
    if (prepared.cache) {
      const std::vector<RowUse> uses = trainer.row_uses();
      const AskedPlans asked{uses.size(), [&](std::size_t use) {
                               return asked_of(trainer, prepared.setup, uses[use]);
                             }};
      fill_reference_cache(run, work, prepared.setup, asked, *prepared.cache);
    }
    PhaseClock clock(run.device == "cuda" ? std::function<void()>([] {
      at::detail::getCUDAHooks().deviceSynchronize(at::detail::getCUDAHooks().getCurrentDevice());
    })
                                          : nullptr);
    StepTimes times(clock, run.memory, memory_device());
    trainer.run(times);
    // Every step has as many micro-batches.
    const std::size_t per_step = by_batch.size() / times.steps.size();
    for (std::size_t b = static_cast<std::size_t>(options.warm_up) * per_step; b < by_batch.size();
         ++b) {
      result.useful.evaluations += by_batch[b].evaluations;
      result.useful.reference_evaluations += by_batch[b].reference_evaluations;
      result.useful.tokens += by_batch[b].tokens;
      result.useful.queries += by_batch[b].queries;
      result.useful.flops += by_batch[b].flops;
    }
    if (!options.plans.empty()) write_file_atomically(options.plans, plans);
    // Behind the warm-up's last step, or (without one) behind the first measured one.
    const auto first = static_cast<std::size_t>(std::max<std::int64_t>(1, options.warm_up)) - 1;
    const auto counted = static_cast<std::int64_t>(times.allocations.size() - 1 - first);
    if (counted > 0)
      result.allocations_per_step = (times.allocations.back() - times.allocations[first]) / counted;
    result.learning_rates = std::move(times.rates);
    result.losses = std::move(times.losses);
    note_steps(std::move(times.steps), options.warm_up, result);
  }
};

/// Threads, memory budget and device, as a run has them.
std::string settle_machine(const ExperimentOptions& file, MemoryManager& memory, Logger& logger) {
  const DeviceChoice choice = select_device(file.device);
  if (file.device == "auto") logger.info(message("device ", choice.device, ": ", choice.reason));
  if (file.threads > 0) at::set_num_threads(static_cast<int>(file.threads));
  if (!memory.is_installed()) memory.install();
  const MemoryDevice counted = choice.device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu;
  memory.set_budget(counted, file.memory.budget, profile_of(file, choice.device).memory.context);
  for (const auto& [purpose, soft] : budgets_of(file.memory.budgets))
    memory.set_budget(counted, purpose, soft);
  return choice.device;
}

}  // namespace

StepMeasurement measure_step(const LoadedExperiment& loaded, const Registry& registry,
                             MemoryManager& memory, Logger& logger,
                             const StepMeasurementOptions& options) {
  if (loaded.cells.size() != 1)
    throw ConfigError(message("bench step: the file's grid has ", loaded.cells.size(),
                              " cells\n  measure one: --set AXIS=VALUE in a file without [grid]"));
  const ScratchFolder scratch("bench");
  std::vector<Experiment> experiments = loaded.experiments;
  MemoryOptions& placed = experiments.front().options.memory;
  if (options.run.empty() && placed.frozen_weights == FrozenWeights::streamed) {
    placed.frozen_weights = FrozenWeights::resident;
    logger.warning(
        "bench step: fresh weights are resident: [memory] frozen_weights = \"streamed\" has no "
        "effect here\n  --out DIR, a run where the stages before it are finished, streams theirs");
  }
  const RunSchedule schedule = make_schedule(
      loaded.cells, experiments, options.run.empty() ? scratch.path() / "run" : options.run);
  Work work = work_of(schedule, options.stage);
  check_inputs(schedule, work, options.run);
  work.folder = scratch.path() / work.stage;  // a plan is kept there
  make_folders(work.folder);
  const std::string device = settle_machine(schedule.experiments.front().options, memory, logger);
  RunObserver observer;
  RunOptions run_options{.out = scratch.path()};  // what is told of the stage names it alone
  run_options.draws_inputs = options.run.empty();
  run_options.observer = &observer;
  MetricsWriter metrics(scratch.path() / kMetricsName);
  const RunContext run{{schedule, registry}, memory, logger, run_options, metrics, device};
  return Bench{run, work, options, scratch.path()}.measure();
}

}  // namespace lldm
