// SPDX-License-Identifier: MIT
#include "experiment/report_rows.hpp"

#include <optional>

#include "experiment/work_names.hpp"
#include "lldm/errors.hpp"
#include "lldm/track/files.hpp"

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
                          "forward_passes_per_text", "steps", "rows", "seconds"})
    if (training.contains(key))
      metrics[key == std::string("seconds") ? "training_seconds" : key] = training.at(key);
  if (training.contains("score_study"))
    for (const auto& [name, value] : training.at("score_study").items())
      if (name != "pairs" && name != "repeats") metrics[name] = value;
}

}  // namespace

Json collect_rows(const RunSchedule& schedule, const std::filesystem::path& out, bool is_whole) {
  const Experiment& file = schedule.experiments.front();
  Json report = {{"name", file.options.name},
                 {"description", file.options.description},
                 {"is_whole", is_whole}};
  report["rows"] = Json::array();
  for (const Work& work : schedule.work) {
    const Stage& stage = schedule.stage_of(work);
    if (stage.kind != StageKind::evaluate) continue;
    const std::optional<Json> measured = result_of(work);
    if (!measured) continue;
    Json row = {{"axes", axes_of(schedule, work)},
                {"seed", work.seed},
                {"stage", work.model},
                {"role", "none"},
                {"starts_from", ""},
                {"evaluated_by", work.stage}};
    row["metrics"] = measured->at("metrics");
    if (measured->contains("examples")) row["examples"] = measured->at("examples");
    if (const auto made = work.inputs.find(work.model); made != work.inputs.end()) {
      const Work& training = schedule.work[made->second];
      const Stage& source = schedule.stage_of(training);
      row["seed"] = training.seed;
      // The axes of the evaluation itself stay: two ways to measure one model are two rows.
      Json axes = axes_of(schedule, training);
      for (const auto& [path, value] : row.at("axes").items())
        if (path.starts_with(work.stage + ".")) axes[path] = value;
      row["axes"] = std::move(axes);
      if (source.kind == StageKind::pretraining || source.kind == StageKind::sft ||
          source.kind == StageKind::preference) {
        row["role"] = to_string(source.training().role);
        row["starts_from"] = source.training().from;
        row["estimator"] = source.training().score_estimator.type();
      }
      if (const std::optional<Json> result = result_of(training))
        add_training(row["metrics"], *result);
    }
    report["rows"].push_back(std::move(row));
  }
  report["work"] = Json::array();
  for (const Work& work : schedule.work)
    if (std::optional<Json> result = result_of(work)) {
      for (const char* bulky : {"metrics", "examples", "samples"}) result->erase(bulky);
      (*result)["folder"] = work.folder.lexically_relative(out).generic_string();
      (*result)["axes"] = axes_of(schedule, work);
      report["work"].push_back(std::move(*result));
    }
  return report;
}

}  // namespace lldm
