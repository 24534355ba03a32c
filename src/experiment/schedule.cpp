// SPDX-License-Identifier: MIT
#include "lldm/experiment/schedule.hpp"

#include <algorithm>
#include <optional>

#include "experiment/axis_values.hpp"
#include "experiment/begun_work.hpp"
#include "experiment/folder_index.hpp"
#include "experiment/input_files.hpp"
#include "experiment/work_identity.hpp"
#include "experiment/work_names.hpp"
#include "experiment/work_seal.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/sha256.hpp"
#include "storage/file_digests.hpp"
#include "storage/json_file.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

std::string hash_of(const std::string& text) {
  Sha256 hash;
  hash.update(text.data(), text.size());
  return hash.hex();
}

struct Builder {
  RunSchedule& schedule;
  const FolderIndex& index;
  BegunWork begun;
  std::map<std::string, std::size_t> by_hash = {};
  InputFiles files = {};

  /// Whether an axis sets the key, alone or with the table around it.
  [[nodiscard]] bool compares_recomputations(std::size_t cell) const {
    return std::ranges::any_of(schedule.cells[cell].axes, [](const auto& axis) {
      return axis.first == kRecomputationSetting || axis.first == "model";
    });
  }

  /// The hash under which the folder holds the work; else its own.
  [[nodiscard]] std::string known_hash(const Work& work, const WorkSettings& given,
                                       const std::map<std::string, std::string>& inputs,
                                       const BegunWorkWanted& wanted) {
    const std::string own = hash_of(identity_text(given, work.seed, inputs));
    if (index.folders.contains(own)) return own;
    if (!given.formerly.empty()) {
      WorkSettings before = without_adapter(given);
      before.values.insert(given.formerly.begin(), given.formerly.end());
      const std::string former = hash_of(identity_text(before, work.seed, inputs));
      if (index.folders.contains(former)) return former;
    }
    return begun.hash_of(given, work.seed, inputs, wanted).value_or(own);
  }

  std::size_t add(Work work, const WorkSettings& given, const BegunWorkWanted& wanted,
                  std::size_t cell) {
    std::map<std::string, std::string> inputs;
    std::string settings = message("lldm work ", kWorkScheme, "\n", given.text());
    for (const auto& [name, input] : work.inputs) {
      inputs[name] = schedule.work[input].hash;
      settings += name + "=" + schedule.work[input].settings_hash + "\n";
    }
    work.hash = known_hash(work, given, inputs, wanted);
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

Work new_work(const std::string& stage, const std::string& model, std::int64_t seed) {
  return {.stage = stage,
          .model = model,
          .seed = seed,
          .hash = "",
          .settings_hash = "",
          .folder = {},
          .inputs = {},
          .cells = {}};
}

void add_cell(Builder& builder, std::size_t c) {
  RunSchedule& schedule = builder.schedule;
  const Experiment& experiment = schedule.experiments[c];
  const Cell& cell = schedule.cells[c];
  std::map<std::string, std::size_t> made;
  const auto add = [&](Work work, const Stage& stage, const std::vector<std::string>& inputs) {
    for (const std::string& input : inputs)
      if (const auto at = made.find(input); at != made.end()) work.inputs.insert(*at);
    const WorkSettings settings = work_settings(cell, experiment, stage, work.model, builder.files);
    BegunWorkWanted wanted{
        .takes_adapter = takes_adapter(stage, experiment.options.model),
        .compares_recomputations = builder.compares_recomputations(c),
    };
    if (goes_by_budget(stage, experiment.options))
      wanted.budget = {experiment.options.memory.budget.bytes / experiment.budget_sharers};
    return builder.add(std::move(work), settings, wanted, c);
  };
  bool varies = cell.seed_from.empty();
  for (const Stage& stage : experiment.stages) {
    varies = varies || stage.name == cell.seed_from;
    const std::int64_t seed = varies ? cell.seed : experiment.options.seed;
    if (stage.facts.models.empty())
      made[stage.name] = add(new_work(stage.name, "", seed), stage, stage.facts.inputs);
    for (const std::string& model : stage.facts.models) {
      std::vector<std::string> inputs = stage.facts.inputs;
      inputs.push_back(model);
      add(new_work(stage.name, model, experiment.options.seed), stage, inputs);
    }
  }
}

std::string folder_name(const Work& work) {
  if (work.model.empty()) return work.stage;
  std::string model = work.model;
  std::replace(model.begin(), model.end(), '/', '_');
  return work.stage + "/" + model;
}

/// Where it lies already; else where work of its kind belongs, unless other work lies there.
void place(Work& work, const RunSchedule& schedule, const std::filesystem::path& out,
           const FolderIndex& index) {
  if (const auto found = index.folders.find(work.hash); found != index.folders.end()) {
    work.folder = out / found->second;
    return;
  }
  if (schedule.cells.size() == 1)
    work.folder = out / folder_name(work);
  else if (work.cells.size() == 1)
    work.folder = out / "cells" / schedule.cell_ids[work.cells.front()] / folder_name(work);
  else
    work.folder = out / "shared" / (folder_name(work) + "-" + work.hash.substr(0, 8));
  if (index.is_taken(work.folder.lexically_relative(out).generic_string()))
    work.folder += "-" + work.hash.substr(0, 8);
}

struct Recorded {
  std::string error = {};
  int code = 1;
};

Recorded recorded_failure(const Work& work) {
  const auto path = work.folder / kFailureName;
  if (!std::filesystem::exists(path)) return {};
  try {
    const auto failure = load_json(path);
    if (failure.at("hash") != work.hash) return {};
    return {failure.at("error").get<std::string>(), failure.value("code", 1)};
  } catch (const std::exception&) {  // gone meanwhile, or another lldm's
    return {};
  }
}

}  // namespace

std::string cell_id(const Cell& cell) {
  std::string text;
  for (const auto& [path, value] : cell.axes) text += path + "=" + config::to_toml(value) + "\n";
  return hash_of(text + message("seed=", cell.seed, " ", cell.seed_from)).substr(0, 10);
}

std::string failure_of(const Work& work) { return recorded_failure(work).error; }

int failure_code(const Work& work) { return recorded_failure(work).code; }

bool is_done(const Work& work) { return holds_result(work.folder, work.hash); }

const Stage& RunSchedule::stage_of(const Work& work) const {
  const Stage* stage = experiments[work.experiment].find(work.stage);
  if (!stage) throw Error(message("no stage \"", work.stage, "\""));
  return *stage;
}

RunSchedule make_schedule(std::vector<Cell> cells, std::vector<Experiment> experiments,
                          const std::filesystem::path& out) {
  recall_digests(out / kDigestsName);
  RunSchedule schedule{
      .cells = std::move(cells), .experiments = std::move(experiments), .work = {}, .cell_ids = {}};
  const FolderIndex index = read_index(out);
  Builder builder{.schedule = schedule, .index = index, .begun = BegunWork(index)};
  for (std::size_t cell = 0; cell < schedule.cells.size(); ++cell) {
    add_cell(builder, cell);
    schedule.cell_ids.push_back(cell_id(schedule.cells[cell]));
  }
  complete_axes(schedule);
  for (Work& work : schedule.work) place(work, schedule, out, index);
  return schedule;
}

}  // namespace lldm
