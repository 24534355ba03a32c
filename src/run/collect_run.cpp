// SPDX-License-Identifier: MIT
// From a folder's finished work to its report, and a folder read back: collect_run and load_run.
#include <algorithm>
#include <map>

#include "experiment/folder_index.hpp"
#include "experiment/work_names.hpp"
#include "experiment/work_seal.hpp"
#include "lldm/errors.hpp"
#include "lldm/report/report.hpp"
#include "lldm/run/grid_run.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/track/metrics.hpp"
#include "run/work_metrics.hpp"
#include "storage/json_file.hpp"
#include "storage/sealed_folder.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

/// metrics.jsonl of a grid: that of every piece of work, in the schedule's order.
void gather_metrics(const RunSchedule& schedule, const std::filesystem::path& out) {
  std::string text;
  for (const Work& work : schedule.work) {
    const auto file = work.folder / kMetricsName;
    if (std::filesystem::exists(file)) text += metrics_lines(file);
  }
  const auto whole = out / kMetricsName;
  if (!std::filesystem::exists(whole) || read_file(whole) != text)
    write_file_atomically(whole, text);
}

}  // namespace

void collect_run(const RunSchedule& schedule, const std::filesystem::path& out) {
  const auto metrics = out / kMetricsName;
  static_cast<void>(holds_whole_metrics(metrics));
  unseal_file(metrics);
  if (schedule.cells.size() > 1)
    gather_metrics(schedule, out);
  else
    join_metrics(schedule, out);
  if (std::filesystem::exists(metrics)) seal_file(metrics);
  write_report(schedule, out,
               std::all_of(schedule.work.begin(), schedule.work.end(),
                           [](const Work& work) { return is_done(work); }));
}

LoadedExperiment load_run(const std::filesystem::path& folder, const Registry& registry) {
  const auto file = folder / "config.resolved.toml";
  if (!std::filesystem::is_regular_file(file))
    throw DataError(message(folder.string(), ": no run lies here (no config.resolved.toml)\n  ",
                            "give the folder of a run: the --out of lldm run, grid run or emit"));
  require_own_scheme(read_index(folder));  // its keys may have other names besides
  LoadedExperiment loaded = load_experiment(file, {}, registry);
  const auto index = folder / kIndexName;
  if (!std::filesystem::exists(index)) return loaded;
  const auto json = load_json(index);
  const std::string begun = JsonView(json, index.string()).at("schedule").text();
  const RunSchedule schedule = make_schedule(loaded.cells, loaded.experiments, folder);
  if (begun != schedule_digest(schedule))
    throw ConfigError(
        message(folder.string(),
                ": its config.resolved.toml and input files give other work than the run "
                "was begun with\n  an input file has changed, or another lldm began it: "
                "run the experiment file again with this --out, which says what differs"));
  return loaded;
}

}  // namespace lldm
