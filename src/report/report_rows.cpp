// SPDX-License-Identifier: MIT
#include "report/report_rows.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include "experiment/work_names.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "report/report_notes.hpp"
#include "storage/sealed_folder.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

std::optional<Json> result_of(const Work& work) {
  if (!is_done(work)) return std::nullopt;
  const auto path = work.folder / kResultName;
  return parse_ordered_json(read_sealed(path), path.string());
}

void add_stages(std::set<std::string>& stages, const RunSchedule& schedule, const Work& work) {
  stages.insert(work.stage);
  for (const auto& [name, index] : work.inputs) add_stages(stages, schedule, schedule.work[index]);
}

/// The axes that have a say in the work: one of a single cell has the cell's other axes too, of
/// stages that come after it.
Json own_axes(const RunSchedule& schedule, const Work& work) {
  std::set<std::string> before;
  add_stages(before, schedule, work);
  const Json all = axes_of(schedule, work);
  Json axes = all;
  for (const Stage& stage : schedule.experiments[work.experiment].stages)
    if (!before.contains(stage.name))
      for (const auto& [path, value] : all.items())
        if (path.starts_with(stage.name + ".")) axes.erase(path);
  return axes;
}

/// What a training stage reports of itself, under the names of the table.  Forward passes are of
/// the policy: `forward_passes` nominal (as the budget counts them), `evaluated_forward_passes` as
/// run.
void add_training(Json& metrics, const Json& training) {
  for (const char* key :
       {"seconds_per_step", "peak_bytes", "predicted_peak_bytes", "forward_passes_per_text",
        "forward_passes", "evaluated_forward_passes", "steps", "rows", "seconds"})
    if (training.contains(key))
      metrics[key == std::string("seconds") ? "training_seconds" : key] = training.at(key);
  // As the stage counted them; a plot against compute reads these.
  if (training.contains("evaluated_passes"))
    metrics["evaluated_forward_passes"] = training.at("evaluated_passes");
  if (training.contains("loss")) metrics["training_loss"] = training.at("loss");
  if (training.contains("validation") && training.at("validation").contains("loss"))
    metrics["held_out_loss"] = training.at("validation").at("loss");
  for (const char* key : {"best_validation_loss", "best_step"})
    if (training.contains(key))
      metrics[key == std::string("best_step") ? key : "least_held_out_loss"] = training.at(key);
  if (!training.contains("score_study")) return;
  for (const auto& [name, value] : training.at("score_study").items()) {
    // An evaluate stage's reward accuracy is of its own pairs, draws and estimator.
    const bool is_own = name == "pairs" || name == "reward_accuracy";
    const std::string key = is_own ? "held_out_" + name : name;
    if (name != "repeats" && !metrics.contains(key)) metrics[key] = value;
  }
  // Where the stage did not count what it evaluated: the study's mean a text, of as many texts.
  const double per_text = metrics.value("forward_passes_per_text", 0.0);
  const auto evaluated = metrics.find("evaluated_passes_per_text");
  if (!metrics.contains("evaluated_forward_passes") && per_text > 0 && evaluated != metrics.end() &&
      evaluated->is_number() && metrics.contains("forward_passes"))
    metrics["evaluated_forward_passes"] =
        metrics.at("forward_passes").get<double>() / per_text * evaluated->get<double>();
}

/// What the clock and the allocator said, under `metrics` of rows and in `work`: two runs of the
/// same experiment agree in everything else.
const std::vector<std::string> kMeasured = {
    "seconds",    "seconds_per_step",      "training_seconds",
    "peak_bytes", "peak_bytes_by_purpose", "reference_scores"};

/// The first `show` answers: the file may ask for more or fewer than when they were made.
Json examples_of(const RunSchedule& schedule, const Work& work, const Json& measured) {
  const auto show = static_cast<std::size_t>(schedule.stage_of(work).facts.shown_answers);
  const auto items = work.folder / "items.jsonl";
  if (measured.at("examples").size() == show || !std::filesystem::exists(items))
    return measured.at("examples");
  Json examples = Json::array();
  std::istringstream lines(read_sealed(items));
  for (std::string line; examples.size() < show && std::getline(lines, line);)
    examples.push_back(Json::parse(line));
  return examples;
}

/// The same for two rows that were measured in the same way on the same draws.
std::string evaluation_of(const RunSchedule& schedule, const Work& work) {
  config::Value table = schedule.stage_of(work).resolved;
  table.erase("models");
  return sha256_hex(config::to_toml(table) + message("seed=", work.seed)).substr(0, 16);
}

/// A path below `out` as it stands there, one from elsewhere as it is.
std::string relative_to(const std::filesystem::path& path, const std::filesystem::path& out) {
  const std::filesystem::path relative = path.lexically_relative(out);
  return relative.empty() ? std::filesystem::absolute(path).generic_string()
                          : relative.generic_string();
}

/// Says of a row's model how it was made.
void add_model(Json& row, const RunSchedule& schedule, const Work& training) {
  row["model_hash"] = training.hash;
  const Stage& stage = schedule.stage_of(training);
  if (!stage.facts.training) return;
  const std::string& start = stage.facts.from;
  row["role"] = to_string(stage.facts.training->role);
  row["starts_from"] = start;
  if (stage.facts.scoring) row["estimator"] = stage.facts.scoring->estimators.at(0).type();
  if (const auto from = training.inputs.find(start); from != training.inputs.end())
    row["from_hash"] = schedule.work[from->second].hash;
}

/// A trained model, measured or not: what its stage reports of itself.
Json trained_row(const RunSchedule& schedule, const Work& work, const Json& result) {
  Json row = {{"axes", own_axes(schedule, work)},
              {"seed", work.seed},
              {"stage", work.stage},
              {"role", "none"},
              {"starts_from", ""},
              {"evaluated_by", ""},
              {"hash", work.hash},
              {"settings", work.settings_hash}};
  add_model(row, schedule, work);
  row["metrics"] = Json::object();
  add_training(row["metrics"], result);
  return row;
}

/// A measured model: what an evaluate stage found, and what its training stage reported.
Json evaluated_row(const RunSchedule& schedule, const Work& work, const Json& measured,
                   const std::filesystem::path& out) {
  Json row = {{"axes", own_axes(schedule, work)},
              {"seed", work.seed},
              {"stage", work.model},
              {"role", "none"},
              {"starts_from", ""},
              {"evaluated_by", work.stage},
              {"hash", work.hash},
              {"settings", work.settings_hash},
              {"evaluation", evaluation_of(schedule, work)}};
  row["metrics"] = measured.at("metrics");
  if (const auto items = work.folder / "items.jsonl"; std::filesystem::exists(items))
    row["items"] = relative_to(items, out);
  if (measured.contains("examples")) row["examples"] = examples_of(schedule, work, measured);
  const auto made = work.inputs.find(work.model);
  if (made == work.inputs.end()) return row;
  const Work& training = schedule.work[made->second];
  row["seed"] = training.seed;
  // The axes of the evaluation itself stay: two ways to measure one model are two rows.
  Json axes = own_axes(schedule, training);
  for (const auto& [path, value] : row.at("axes").items())
    if (path.starts_with(work.stage + ".")) axes[path] = value;
  row["axes"] = std::move(axes);
  add_model(row, schedule, training);
  if (const std::optional<Json> result = result_of(training)) add_training(row["metrics"], *result);
  return row;
}

/// One row for every estimator of a study; estimator and budget are axes of it.
void add_study(Json& rows, const RunSchedule& schedule, const Work& work, const Json& result) {
  std::size_t index = 0;
  for (const Json& measured : result.at("rows")) {
    Json axes = own_axes(schedule, work);
    axes["score_estimator"] = measured.at("score_estimator");
    axes["budget"] = measured.at("budget");
    Json row = {{"axes", std::move(axes)},
                {"seed", work.seed},
                {"stage", work.stage},
                {"role", "none"},
                {"starts_from", ""},
                {"evaluated_by", work.stage},
                {"hash", message(work.hash, "-", index++)},
                {"settings", work.settings_hash},
                {"estimator", measured.at("score_estimator").at("type")}};
    for (const auto& [key, value] : measured.items())
      if (key != "score_estimator" && key != "budget") row[key] = value;
    rows.push_back(std::move(row));
  }
}

Json failed_of(const RunSchedule& schedule) {
  Json failed = Json::array();
  for (const Work& work : schedule.work)
    if (const std::string error = is_done(work) ? "" : failure_of(work); !error.empty()) {
      failed.push_back({{"stage", work.stage},
                        {"model", work.model},
                        {"axes", own_axes(schedule, work)},
                        {"seed", seed_of(schedule, work)},  // as in rows
                        {"error", error}});
    }
  return failed;
}

}  // namespace

Json collect_rows(const RunSchedule& schedule, const std::filesystem::path& out, bool is_whole) {
  const Experiment& file = schedule.experiments.front();
  Json report = {{"name", file.options.name},
                 {"description", file.options.description},
                 {"is_whole", is_whole},
                 {"measured", kMeasured}};
  report["rows"] = Json::array();
  for (const Work& work : schedule.work) {
    const bool is_table = schedule.stage_of(work).facts.gives_rows;
    if (work.model.empty() && !is_table) continue;
    const std::optional<Json> result = result_of(work);
    if (!result) continue;
    with_json_errors((work.folder / kResultName).string(), [&] {
      if (is_table)
        add_study(report["rows"], schedule, work, *result);
      else
        report["rows"].push_back(evaluated_row(schedule, work, *result, out));
    });
  }
  report["training"] = Json::array();
  report["work"] = Json::array();
  report["notes"] = Json::array();
  const auto is_measured = [&](const Work& work) {
    return !work.model.empty() || schedule.stage_of(work).facts.gives_rows;
  };
  if (std::none_of(schedule.work.begin(), schedule.work.end(), is_measured))
    report["notes"].push_back(kNothingEvaluated);
  for (const Work& work : schedule.work)
    if (std::optional<Json> result = result_of(work)) {
      if (schedule.stage_of(work).facts.training)
        report["training"].push_back(trained_row(schedule, work, *result));
      for (const char* bulky : {"metrics", "examples", "samples"}) result->erase(bulky);
      if (result->contains("rows") && result->at("rows").is_array()) result->erase("rows");
      (*result)["folder"] = relative_to(work.folder, out);
      (*result)["axes"] = own_axes(schedule, work);
      with_json_errors((work.folder / kResultName).string(), [&] {
        for (std::string& note : notes_of(*result)) report["notes"].push_back(std::move(note));
      });
      report["work"].push_back(std::move(*result));
    }
  report["failed"] = failed_of(schedule);
  return report;
}

}  // namespace lldm
