// SPDX-License-Identifier: MIT
#include "stage/training_reporter.hpp"
#include "lldm/stage/training_options.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/distributed/process_group.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/storage/published_folder.hpp"
#include "lldm/train/checkpoint.hpp"
#include "memory/reclaim.hpp"
#include "stage/training_memory.hpp"

namespace lldm {
namespace {

constexpr std::array<const char*, 4> kPasses = {"forward_passes", "evaluated_passes",
                                                "extra_passes", "reference_passes"};

/// The values of a line whose names begin with `prefix`, without it.
std::map<std::string, double> under(std::string_view prefix, const std::vector<Metric>& values) {
  std::map<std::string, double> found;
  for (const auto& [name, value] : values)
    if (name.starts_with(prefix)) found[name.substr(prefix.size())] = value;
  return found;
}

}  // namespace

TrainingReporter::TrainingReporter(const RunContext& run, const Work& work,
                                   const ModelBundle& bundle)
    : run_(run),
      work_(work),
      bundle_(bundle),
      label_(run.label(work)),
      best_loss_(std::numeric_limits<double>::quiet_NaN()),
      given_(run.memory, run.device) {}

TrainingProgress TrainingReporter::resume(Optimizer& optimizer, std::int64_t total_steps) {
  const bool is_asked_for = is_checkpoint_of(run_.options.resume, work_.folder);
  const auto checkpoints = work_.folder / "checkpoints";
  const std::string tokenizer = bundle_.tokenizer->fingerprint();
  const auto parameters = bundle_.model->parameters();
  const std::optional<CheckpointState> found =
      is_asked_for
          ? load_checkpoint(run_.options.resume, work_.hash, tokenizer, parameters, optimizer)
          : load_newest_checkpoint(
                checkpoints, work_.hash, tokenizer, parameters, optimizer,
                run_.options.strict_resume ? ResumeRule::strict : ResumeRule::fall_back,
                run_.logger);
  if (!found) {
    require_none_lost();
    run_.metrics.truncate_after(label_, -1);
    return {};
  }
  const CheckpointState& state = *found;
  require_own_texts(state);
  const auto folder = is_asked_for ? run_.options.resume : checkpoints / step_name(state.step);
  if (state.step > total_steps)
    throw DataError(
        message(folder.string(), " is at step ", state.step, ", the stage has ", total_steps));
  if (is_asked_for) drop_checkpoints_after(checkpoints, state.step);
  best_loss_ = state.best_validation;
  best_step_ = state.best_step;
  run_.metrics.truncate_after(label_, state.step);
  recall();
  run_.logger.info(
      message("stage ", label_, ": goes on after step ", state.step, " (", folder.string(), ")"));
  memory_ = state.memory;
  skipped_steps_ = state.loss_scale.skipped_steps;
  return {state.step, state.since, state.adaptation, state.memory, state.loss_scale};
}

std::string TrainingReporter::template_text() const {
  return config::write_toml(config::write_options(training_template(run_, work_, bundle_.folder)));
}

/// The texts that a checkpoint's weights learned are written as now.
void TrainingReporter::require_own_texts(const CheckpointState& state) const {
  const std::string where = (work_.folder / "checkpoints" / step_name(state.step)).string();
  if (!state.prompt_template.empty() && state.prompt_template != template_text())
    throw DataError(message(where, ": this checkpoint was made with another template\n",
                            "  checkpoint:\n", state.prompt_template, "  now:\n", template_text()));
  if (state.special != SpecialTokens() && state.special != bundle_.tokenizer->special())
    throw DataError(message(where, ": this checkpoint was made with other special tokens"));
}

/// Under --strict-resume: metrics of later steps than the first checkpoint show that one was saved.
void TrainingReporter::require_none_lost() const {
  const std::int64_t every = run_.schedule.stage_of(work_).as<TrainingStage>()->save_steps;
  if (!run_.options.strict_resume || every == 0) return;
  for (const MetricsLine& line : read_metrics(run_.metrics.path()))
    if (line.stage == label_ && line.step > every)
      throw DataError(message((work_.folder / "checkpoints").string(),
                              ": no checkpoint is left, and ", run_.metrics.path().string(),
                              " has step ", line.step, " of ", label_,
                              "\n  without --strict-resume the stage begins anew"));
}

/// The figures of the steps before this process, from what was logged: the result of a stage that
/// was stopped anywhere is that of one that was not.
void TrainingReporter::recall() {
  for (const MetricsLine& line : read_metrics(run_.metrics.path())) {
    if (line.stage != label_) continue;
    count_training(line.step, under("train/", line.values));
    count_validation(under("validation/", line.values));
    if (!result_.contains("seconds_per_step")) result_["seconds_per_step"] = Result::array();
    for (const auto& [name, value] : line.values) {
      if (name == "train/seconds_per_step") result_["seconds_per_step"].push_back(value);
      if (name == "train/loss") result_["loss"] = value;
      if (name.starts_with("validation/"))
        result_["validation"][name.substr(std::string_view("validation/").size())] = value;
    }
  }
}

void TrainingReporter::count_training(std::int64_t step,
                                      const std::map<std::string, double>& metrics) {
  if (!metrics.contains(kPasses.front())) return;  // a line of something else
  for (const char* name : kPasses)
    passes_[name] += std::llround(metrics.at(name) * static_cast<double>(step - counted_));
  counted_ = step;
}

void TrainingReporter::count_validation(const std::map<std::string, double>& metrics) {
  if (!metrics.contains(kPasses.front())) return;
  for (const char* name : kPasses)
    passes_[std::string("validation_") + name] += std::llround(metrics.at(name));
}

void TrainingReporter::start(std::int64_t first_step, std::int64_t total_steps) {
  tensorboard_ = std::make_unique<TensorBoardWriter>(
      run_.options.out / "tensorboard" / label_,
      first_step > 0 ? std::optional<std::int64_t>(first_step) : std::nullopt);
  run_.options.observer->begin(label_, "steps", first_step, total_steps);
}

void TrainingReporter::finish() { run_.options.observer->end(); }

void TrainingReporter::write(std::int64_t step, const std::map<std::string, double>& metrics,
                             const std::string& group) {
  std::vector<Metric> values;
  for (const auto& [name, value] : metrics) values.emplace_back(group + name, value);
  run_.metrics.log(label_, step, values);
  tensorboard_->scalars(step, values);
}

void TrainingReporter::on_log(std::int64_t step, std::int64_t,
                              const std::map<std::string, double>& metrics) {
  std::map<std::string, double> all = metrics;
  const MemoryReport memory = run_.memory.report();
  if (memory.is_installed)
    for (const DeviceMemory& device : memory.devices) {
      const auto add = [&](const char* what, std::int64_t bytes) {
        all[message("memory/", kMemoryDeviceNames[static_cast<std::size_t>(device.device)], what)] =
            static_cast<double>(bytes);
      };
      add("_peak_bytes", device.total.peak_bytes);
      if (device.reserved_bytes > 0) add("_reserved_bytes", device.reserved_bytes);
      if (device.outside_bytes > 0) add("_outside_bytes", device.outside_bytes);
      if (device.pinned_bytes > 0) add("_pinned_bytes", device.pinned_bytes);
    }
  given_.add_metrics(all);
  write(step, all, "train/");
  count_training(step, metrics);
  // The middle of the stage's own figures: the first steps pay for first allocations.
  result_["seconds_per_step"].push_back(metrics.at("seconds_per_step"));
  result_["loss"] = metrics.at("loss");
  std::vector<std::pair<std::string, double>> shown = {{"loss", metrics.at("loss")}};
  if (const auto it = metrics.find("rewards/accuracies"); it != metrics.end())
    shown.emplace_back("reward accuracy", it->second);
  run_.options.observer->progress(step, shown);
}

void TrainingReporter::on_validation(std::int64_t step,
                                     const std::map<std::string, double>& metrics) {
  write(step, metrics, "validation/");
  count_validation(metrics);
  for (const auto& [name, value] : metrics) result_["validation"][name] = value;
  keep_best(step, metrics.at("loss"));
}

void TrainingReporter::keep_best(std::int64_t step, double loss) {
  if (!std::isfinite(loss) || (std::isfinite(best_loss_) && loss >= best_loss_)) return;
  best_loss_ = loss;
  best_step_ = step;
  publish_model(work_.folder / "best", bundle_, training_template(run_, work_, bundle_.folder));
}

void TrainingReporter::on_retry(std::int64_t step, const MemoryRetries& memory,
                                const std::string& reason) {
  memory_ = memory;
  if (!run_.options.group || run_.options.group->is_first()) forget_same_budgets(work_.folder);
  const std::string passes =
      memory.max_tokens_per_forward == 0
          ? std::string()
          : message(" with passes of at most ", memory.max_tokens_per_forward,
                    " tokens, as are the steps behind it");
  run_.logger.warning(message("stage ", label_, ": step ", step + 1,
                              " did not fit and is done again, from the same draws", passes, ": ",
                              reason.substr(0, reason.find('\n'))));
}

void TrainingReporter::on_reclaim(std::int64_t step, std::string_view what, std::int64_t bytes) {
  if (!given_.add(what, bytes)) return;
  std::string_view said = "memory that was kept for later uses";
  if (what == name_of(memory::ReclaimStep::look_ahead)) said = "weights brought before their use";
  if (what == name_of(memory::ReclaimStep::logits_chunk)) said = "half the logits at once";
  run_.logger.warning(message("stage ", label_, ": before step ", step + 1,
                              " memory was given up: ", said, ", ", bytes_text(bytes),
                              "; further times are counted alone (memory/reclaimed_", what, ")"));
}

void TrainingReporter::on_skip(std::int64_t step, const LossScale& scale) {
  skipped_steps_ = scale.skipped_steps;
  run_.logger.info(message("stage ", label_, ": step ", step + 1,
                           " was skipped: its gradient is not finite in float16; the loss scale is "
                           "2^",
                           std::ilogb(scale.scale), " from now on"));
}

void TrainingReporter::on_save(const TrainingProgress& progress, const Optimizer& optimizer) {
  try {
    save(progress, optimizer);
  } catch (const FileError& error) {
    const bool may_go_on = run_.experiment(work_).options.on_save_error == OnSaveError::carry_on;
    if (!may_go_on || should_stop()) throw;  // a stop must not claim that all is saved
    ++save_errors_;
    run_.logger.warning(message("stage ", label_, ": no checkpoint at step ", progress.step,
                                " (on_save_error = \"continue\"): ", error.what()));
  }
}

void TrainingReporter::save(const TrainingProgress& progress, const Optimizer& optimizer) {
  run_.metrics.sync();
  const auto& stage = *run_.schedule.stage_of(work_).as<TrainingStage>();
  save_checkpoint(
      work_.folder / "checkpoints",
      {progress.step, progress.since, work_.hash, bundle_.tokenizer->fingerprint(), best_loss_,
       best_step_, progress.adaptation, bundle_.tokenizer->special(), std::string(optimizer.name()),
       template_text(), progress.memory, progress.loss_scale},
      bundle_.model->parameters(), optimizer, stage.save_total_limit);
}

Result TrainingReporter::result() const {
  Result result = result_;
  std::vector<double> seconds = result_.value("seconds_per_step", std::vector<double>{});
  std::sort(seconds.begin(), seconds.end());
  if (!seconds.empty()) result["seconds_per_step"] = seconds[seconds.size() / 2];
  if (memory_.count > 0)
    result["memory_retries"] = {{"count", memory_.count},
                                {"max_tokens_per_forward", memory_.max_tokens_per_forward}};
  if (run_.experiment(work_).options.model.dtype == ModelDtype::float16)
    result["skipped_steps"] = skipped_steps_;
  given_.add_result(result);
  if (save_errors_ > 0) result["save_errors"] = save_errors_;
  if (best_step_ >= 0) {
    result["best_step"] = best_step_;
    result["best_validation_loss"] = best_loss_;
  }
  return result;
}

}  // namespace lldm
