// SPDX-License-Identifier: MIT
#include "lldm/experiment/load_experiment.hpp"

#include "experiment/absolute_paths.hpp"
#include "experiment/key_readings.hpp"
#include "lldm/config/document.hpp"

namespace lldm {
namespace {

/// Threads of a cell where the file names none: one, whatever --jobs is, since bits depend on it.
constexpr std::int64_t kThreadsOfACell = 1;

bool is_grid(const config::Value& root) {
  const config::Member* grid = root.find("grid");
  return grid && grid->value.is_table() && !grid->value.as_table().empty();
}

}  // namespace

LoadedExperiment load_experiment(const std::filesystem::path& file,
                                 const std::vector<std::string>& overrides,
                                 const Registry& registry) {
  config::Diagnostics diagnostics;
  LoadedExperiment loaded;
  const std::vector<std::string> keys = experiment_keys();
  loaded.document =
      config::load(file, {.overrides = overrides, .top_level_keys = keys}, diagnostics);
  const config::Value& root = loaded.document.root;
  loaded.cells = expand_grid(root, keys, diagnostics);
  // The whole file, grid included, from the file's own values (not a cell's).
  config::Diagnostics ignored;  // a cell has the same mistakes
  Experiment whole = bind_experiment(root, registry, ignored);
  KeyReadings readings;
  for (const Cell& cell : loaded.cells)
    loaded.experiments.push_back(bind_experiment(cell.root, registry, diagnostics, &readings));
  tell_overridden(loaded.cells, default_tables(), readings, diagnostics);
  diagnostics.throw_if_any();
  for (const config::Diagnostic& note : diagnostics.warnings()) loaded.notes.push_back(note.text());
  if (is_grid(root)) {
    const auto set_threads = [](Experiment& experiment) {
      if (experiment.options.threads == 0) experiment.options.threads = kThreadsOfACell;
    };
    set_threads(whole);
    for (Experiment& experiment : loaded.experiments) set_threads(experiment);
  }
  loaded.resolved = resolved_grid_document(whole, root, loaded.cells, loaded.experiments);
  return loaded;
}

}  // namespace lldm
