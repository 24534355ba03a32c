// SPDX-License-Identifier: MIT
#include "report/report_rows.hpp"

#include <optional>

#include "experiment/work_names.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

std::optional<Json> result_of(const Work& work) {
  if (!is_done(work)) return std::nullopt;
  return Json::parse(read_file(work.folder / kResultName));
}

/// What a training stage reports of itself, under the names of the table.
void add_training(Json& metrics, const Json& training) {
  for (const char* key : {"seconds_per_step", "peak_bytes", "predicted_peak_bytes",
                          "forward_passes_per_text", "forward_passes", "steps", "rows", "seconds"})
    if (training.contains(key))
      metrics[key == std::string("seconds") ? "training_seconds" : key] = training.at(key);
  if (training.contains("score_study"))
    for (const auto& [name, value] : training.at("score_study").items())
      if (name != "pairs" && name != "repeats") metrics[name] = value;
}

/// What the clock and the allocator said, under `metrics` of rows and in `work`: two runs of the
/// same experiment agree in everything else.
const std::vector<std::string> kMeasured = {
    "seconds",    "seconds_per_step",      "training_seconds",
    "peak_bytes", "peak_bytes_by_purpose", "reference_scores"};

/// A measured model: what an evaluate stage found, and what its training stage reported.
Json evaluated_row(const RunSchedule& schedule, const Work& work, const Json& measured,
                   const std::filesystem::path& out) {
  Json row = {{"axes", axes_of(schedule, work)},
              {"seed", work.seed},
              {"stage", work.model},
              {"role", "none"},
              {"starts_from", ""},
              {"evaluated_by", work.stage},
              {"hash", work.hash},
              {"settings", work.settings_hash}};
  row["metrics"] = measured.at("metrics");
  if (const auto items = work.folder / "items.jsonl"; std::filesystem::exists(items))
    row["items"] = items.lexically_relative(out).generic_string();
  if (measured.contains("examples")) row["examples"] = measured.at("examples");
  const auto made = work.inputs.find(work.model);
  if (made == work.inputs.end()) return row;
  const Work& training = schedule.work[made->second];
  const Stage& source = schedule.stage_of(training);
  row["seed"] = training.seed;
  // The axes of the evaluation itself stay: two ways to measure one model are two rows.
  Json axes = axes_of(schedule, training);
  for (const auto& [path, value] : row.at("axes").items())
    if (path.starts_with(work.stage + ".")) axes[path] = value;
  row["axes"] = std::move(axes);
  if (const auto& made_by = source.facts.training) {
    row["role"] = to_string(made_by->role);
    row["starts_from"] = made_by->from;
    row["estimator"] = made_by->estimator;
  }
  if (const std::optional<Json> result = result_of(training)) add_training(row["metrics"], *result);
  return row;
}

/// One row for every estimator of a study; estimator and budget are axes of it.
void add_study(Json& rows, const RunSchedule& schedule, const Work& work, const Json& result) {
  std::size_t index = 0;
  for (const Json& measured : result.at("rows")) {
    Json axes = axes_of(schedule, work);
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

}  // namespace

Json collect_rows(const RunSchedule& schedule, const std::filesystem::path& out, bool is_whole) {
  const Experiment& file = schedule.experiments.front();
  Json report = {{"name", file.options.name},
                 {"description", file.options.description},
                 {"is_whole", is_whole},
                 {"measured", kMeasured}};
  report["rows"] = Json::array();
  for (const Work& work : schedule.work) {
    const std::optional<Json> result = result_of(work);
    if (!result) continue;
    if (!work.model.empty())  // a measured model
      report["rows"].push_back(evaluated_row(schedule, work, *result, out));
    else if (result->contains("rows") && result->at("rows").is_array())  // a table of measurements
      add_study(report["rows"], schedule, work, *result);
  }
  report["work"] = Json::array();
  for (const Work& work : schedule.work)
    if (std::optional<Json> result = result_of(work)) {
      for (const char* bulky : {"metrics", "examples", "samples"}) result->erase(bulky);
      if (result->contains("rows") && result->at("rows").is_array()) result->erase("rows");
      (*result)["folder"] = work.folder.lexically_relative(out).generic_string();
      (*result)["axes"] = axes_of(schedule, work);
      report["work"].push_back(std::move(*result));
    }
  return report;
}

}  // namespace lldm
