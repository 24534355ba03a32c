// SPDX-License-Identifier: MIT
#include "lldm/experiment/schedule.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "experiment/input_files.hpp"
#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"

namespace lldm {
namespace {

std::string hash_of(const std::string& text) {
  Sha256 hash;
  hash.update(text.data(), text.size());
  return hash.hex();
}

/// The parts of the file beside the stage that decide a stage's result, what their files hold
/// included.
std::string settings_text(const Experiment& experiment, InputFiles& files) {
  const config::Value options = config::write_options(experiment.options);
  std::string text;
  for (const char* key : {"model", "tokenizer", "template", "threads", "device", "plugins"})
    if (const config::Member* member = options.find(key))
      text += std::string(key) + "=" + config::to_toml(member->value) + "\n" +
              files.digests(member->value);
  return text;
}

struct Builder {
  RunSchedule& schedule;
  std::map<std::string, std::size_t> by_hash = {};
  InputFiles files = {};

  std::size_t add(Work work, const std::string& text, std::size_t cell) {
    std::string identity = text + message("seed=", work.seed, "\n"), settings = text;
    for (const auto& [name, index] : work.inputs) {
      identity += name + "=" + schedule.work[index].hash + "\n";
      settings += name + "=" + schedule.work[index].settings_hash + "\n";
    }
    work.hash = hash_of(identity);
    work.settings_hash = hash_of(settings);
    const auto found = by_hash.find(work.hash);
    const std::size_t index = found != by_hash.end() ? found->second : schedule.work.size();
    if (found == by_hash.end()) {
      work.experiment = cell;
      by_hash.emplace(work.hash, index);
      schedule.work.push_back(std::move(work));
    }
    auto& cells = schedule.work[index].cells;
    if (cells.empty() || cells.back() != cell) cells.push_back(cell);
    return index;
  }
};

Work work_of(const Stage& stage, const std::string& model, std::int64_t seed) {
  return {.stage = stage.name,
          .model = model,
          .seed = seed,
          .hash = "",
          .settings_hash = "",
          .folder = {},
          .inputs = {},
          .cells = {}};
}

void add_cell(Builder& builder, std::size_t cell) {
  RunSchedule& schedule = builder.schedule;
  const Experiment& experiment = schedule.experiments[cell];
  const std::string settings = settings_text(experiment, builder.files);
  std::map<std::string, std::size_t> made;
  bool varies = schedule.cells[cell].seed_from.empty();
  for (const Stage& stage : experiment.stages) {
    varies = varies || stage.name == schedule.cells[cell].seed_from;
    const std::int64_t seed = varies ? schedule.cells[cell].seed : experiment.options.seed;
    const auto add_inputs = [&](Work& work, const std::vector<std::string>& names) {
      for (const std::string& name : names)
        if (const auto at = made.find(name); at != made.end()) work.inputs.insert(*at);
    };
    if (stage.facts.models.empty()) {
      Work work = work_of(stage, "", seed);
      add_inputs(work, stage.facts.inputs);
      made[stage.name] = builder.add(
          std::move(work),
          settings + config::to_toml(stage.resolved) + "\n" + builder.files.digests(stage.resolved),
          cell);
      continue;
    }
    // Every model is measured by itself, on draws that do not depend on which other models are.
    config::Value table = stage.resolved;
    table.erase("models");
    for (const std::string& model : stage.facts.models) {
      Work work = work_of(stage, model, experiment.options.seed);
      add_inputs(work, {model});
      if (stage.facts.rows) add_inputs(work, {stage.facts.rows->data.options.stage});
      builder.add(std::move(work),
                  settings + model + config::to_toml(table) + "\n" + builder.files.digests(table) +
                      builder.files.digests(config::Value::string(model)),
                  cell);
    }
  }
}

std::string folder_name(const Work& work) {
  if (work.model.empty()) return work.stage;
  std::string model = work.model;
  std::replace(model.begin(), model.end(), '/', '_');
  return work.stage + "/" + model;
}

struct Recorded {
  std::string error = {};
  int code = 1;
};

Recorded recorded_failure(const Work& work) {
  const auto path = work.folder / kFailureName;
  if (!std::filesystem::exists(path)) return {};
  try {
    const auto failure = nlohmann::json::parse(read_file(path));
    if (failure.at("hash") != work.hash) return {};
    return {failure.at("error").get<std::string>(), failure.value("code", 1)};
  } catch (const std::exception&) {  // gone meanwhile, or another lldm's
    return {};
  }
}

}  // namespace

std::string cell_id(const Cell& cell, const Experiment& experiment) {
  config::Value resolved = resolved_document(experiment, cell.root);
  for (const char* key : {"name", "description", "seed"}) resolved.erase(key);
  return hash_of(config::write_toml(resolved) + message("seed=", cell.seed, " ", cell.seed_from))
      .substr(0, 10);
}

std::string failure_of(const Work& work) { return recorded_failure(work).error; }

int failure_code(const Work& work) { return recorded_failure(work).code; }

bool is_done(const Work& work) {
  const auto path = work.folder / kResultName;
  if (!std::filesystem::exists(path)) return false;
  try {
    return nlohmann::json::parse(read_file(path)).at("hash").get<std::string>() == work.hash;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

const Stage& RunSchedule::stage_of(const Work& work) const {
  const Stage* stage = experiments[work.experiment].find(work.stage);
  if (!stage) throw Error(message("no stage \"", work.stage, "\""));
  return *stage;
}

RunSchedule make_schedule(std::vector<Cell> cells, std::vector<Experiment> experiments,
                          const std::filesystem::path& out) {
  RunSchedule schedule{
      .cells = std::move(cells), .experiments = std::move(experiments), .work = {}, .cell_ids = {}};
  Builder builder{.schedule = schedule};
  for (std::size_t cell = 0; cell < schedule.cells.size(); ++cell) {
    add_cell(builder, cell);
    schedule.cell_ids.push_back(cell_id(schedule.cells[cell], schedule.experiments[cell]));
  }
  for (Work& work : schedule.work) {
    if (schedule.cells.size() == 1)
      work.folder = out / folder_name(work);
    else if (work.cells.size() == 1)
      work.folder = out / "cells" / schedule.cell_ids[work.cells.front()] / folder_name(work);
    else
      work.folder = out / "shared" / (folder_name(work) + "-" + work.hash.substr(0, 8));
  }
  return schedule;
}

}  // namespace lldm
