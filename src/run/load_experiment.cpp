// SPDX-License-Identifier: MIT
// From a file to cells that are bound.
#include "lldm/run/load_experiment.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <map>

#include "experiment/absolute_paths.hpp"
#include "experiment/key_readings.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/plugin/loader.hpp"
#include "lldm/storage/sha256.hpp"
#include "run/vocabulary_hash.hpp"

namespace lldm {
namespace {

/// Threads of a cell where the file names none: one, whatever --jobs is, since bits depend on it.
constexpr std::int64_t kThreadsOfACell = 1;

bool is_grid(const config::Value& root) {
  const config::Member* grid = root.find("grid");
  return grid && grid->value.is_table() && !grid->value.as_table().empty();
}

/// The plugins of the command line count as those of the file: they are in config.resolved.toml and
/// in the hashes.
void add_plugins(Experiment& experiment, const std::vector<PluginFile>& plugins) {
  std::vector<std::filesystem::path>& files = experiment.options.plugins;
  for (const PluginFile& plugin : plugins) {
    const bool is_named = std::any_of(files.begin(), files.end(), [&](const auto& file) {
      return std::filesystem::weakly_canonical(file) ==
             std::filesystem::weakly_canonical(plugin.file);
    });
    if (!is_named) files.push_back(std::filesystem::absolute(plugin.file).lexically_normal());
    for (const std::string& name : plugin.components) experiment.plugin_files[name] = plugin.file;
  }
}

std::string axes_text(const Cell& cell) {
  std::string text;
  for (const auto& [path, value] : cell.axes)
    text += (text.empty() ? "" : ", ") + path + " = " + config::to_toml(value);
  return text;
}

/// Values that differ as they are written and not with every default filled in: a cell twice.
void refuse_equal_cells(const LoadedExperiment& loaded, config::Diagnostics& diagnostics) {
  if (loaded.cells.size() < 2) return;
  std::map<std::string, std::size_t> known;
  for (std::size_t c = 0; c < loaded.cells.size(); ++c) {
    const Cell& cell = loaded.cells[c];
    const std::string text = message(
        cell.seed, "\n", config::write_toml(resolved_document(loaded.experiments[c], cell.root)));
    const auto [at, is_new] = known.emplace(sha256_hex(text), c);
    if (is_new) continue;
    diagnostics.error(
        loaded.document.root.find("grid")->position,
        message("[grid] two cells are one: ", axes_text(loaded.cells[at->second])),
        message("with every default filled in that is ", axes_text(cell), ": every value once"));
    return;
  }
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
  if (root.find("requires")) diagnostics.expect_missing();
  config::Diagnostics ignored = diagnostics.aside();  // a cell has the same mistakes
  Experiment whole = bind_experiment(root, registry, ignored);
  KeyReadings readings;
  for (const Cell& cell : loaded.cells)
    loaded.experiments.push_back(bind_experiment(cell.root, registry, diagnostics, &readings));
  tell_overridden(loaded.cells, default_tables(), readings, diagnostics);
  if (!diagnostics.has_errors()) refuse_equal_cells(loaded, diagnostics);
  diagnostics.throw_if_any();
  for (const config::Diagnostic& note : diagnostics.warnings()) loaded.notes.push_back(note.text());
  const std::int64_t threads = is_grid(root) ? kThreadsOfACell : at::get_num_threads();
  const std::vector<PluginFile> plugins = plugin_files(registry);
  const auto complete = [&](Experiment& experiment) {
    if (experiment.options.threads == 0) experiment.options.threads = threads;
    add_plugins(experiment, plugins);
  };
  complete(whole);
  for (Experiment& experiment : loaded.experiments) complete(experiment);
  hash_vocabularies(loaded.cells, loaded.experiments, registry);
  loaded.resolved = resolved_grid_document(whole, root, loaded.cells, loaded.experiments);
  return loaded;
}

}  // namespace lldm
