// SPDX-License-Identifier: MIT
// What a run would do, from sizes alone.
#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "experiment/work_names.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/stage_plan.hpp"
#include "lldm/render/table.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/score/reference_cache.hpp"
#include "lldm/storage/files.hpp"
#include "run/find_rows.hpp"

namespace lldm {

namespace {

StagePlan plan_of(const Experiment& experiment, const Stage& stage, const Registry& registry) {
  return stage.kind.plan(stage.options.get(), experiment, registry);
}

std::string memory_text(const Stage& stage, const StagePlan& plan) {
  return message(
      "\nmemory of stage ", stage.name, ", ", plan.lengths, " (forward passes of ",
      plan.tokens_per_forward, " tokens)\n",
      plan.trained.empty() ? "" : message("  ", plan.trained, "\n"), plan.note, plan.memory->text(),
      plan.host_bytes > 0 ? message("  on the host      ", bytes_text(plan.host_bytes), "\n")
                          : std::string());
}

/// Where the reference's scores come from; "" where the stage keeps none.
std::string cache_text(const Stage& stage, const StagePlan& plan) {
  if (plan.reference_cache.empty()) return "";
  const std::string there = describe_reference_cache(plan.reference_cache);
  return message("\nreference scores of stage ", stage.name, ": ", plan.reference_cache.string(),
                 " (", there.empty() ? "empty" : there,
                 "); what it lacks is computed before the first step\n");
}

std::string seeds_text(const RunSchedule& schedule) {
  std::set<std::int64_t> seeds;
  for (const Cell& cell : schedule.cells) seeds.insert(cell.seed);
  std::string text;
  for (const std::int64_t seed : seeds) text += (text.empty() ? "" : ", ") + std::to_string(seed);
  return text;
}

/// "6, 12"; of many "6 to 96".
std::string list_text(const std::vector<std::string>& texts) {
  if (texts.size() > 4) return texts.front() + " to " + texts.back();
  std::string text;
  for (const std::string& one : texts) text += (text.empty() ? "" : ", ") + one;
  return text;
}

/// One line a stage: how often it is done, for how many cells, and what it costs.
struct StageSummary {
  std::size_t pieces = 0, reused = 0, most_cells = 0;
  double forward_passes = 0;
  bool knows_passes = true;
  std::vector<std::string> steps = {};  // distinct
  std::int64_t peak_bytes = 0;
};

Table summary_table(const Outlook& outlook, const Registry& registry) {
  RunSchedule schedule = outlook.schedule;
  find_rows(schedule, registry);
  std::map<std::string, StageSummary> summaries;
  for (std::size_t w = 0; w < schedule.work.size(); ++w) {
    const Work& work = schedule.work[w];
    StageSummary& summary = summaries[work.stage];
    ++summary.pieces;
    summary.reused += outlook.is_reused(w);
    summary.most_cells = std::max(summary.most_cells, work.cells.size());
    const StagePlan plan =
        plan_of(schedule.experiments[work.experiment], schedule.stage_of(work), registry);
    if (!plan.memory) continue;
    if (std::find(summary.steps.begin(), summary.steps.end(), plan.steps) == summary.steps.end())
      summary.steps.push_back(plan.steps);
    summary.knows_passes = summary.knows_passes && plan.forward_passes.has_value();
    summary.forward_passes += static_cast<double>(plan.forward_passes.value_or(0));
    summary.peak_bytes = std::max(summary.peak_bytes, plan.memory->peak_bytes());
  }
  Table table;
  table.columns = {{"stage", Align::left},
                   {"kind", Align::left},
                   {"done"},
                   {"reused"},
                   {"shared by at most"},
                   {"steps"},
                   {"forward passes, all"},
                   {"memory at most"}};
  for (const Stage& stage : schedule.experiments.front().stages) {
    const StageSummary& summary = summaries[stage.name];
    const bool trains = !summary.steps.empty();
    table.rows.push_back(
        {stage.name, std::string(stage.kind.name()), message(summary.pieces, "x"),
         std::to_string(summary.reused),
         message(summary.most_cells, summary.most_cells == 1 ? " cell" : " cells"),
         trains ? list_text(summary.steps) : "-",
         !trains                 ? "-"
         : !summary.knows_passes ? "by the rows"
                                 : rounded_text(summary.forward_passes, 4),
         trains ? bytes_text(static_cast<std::uint64_t>(summary.peak_bytes)) : "-"});
  }
  return table;
}

/// "2 of 5 reused": the work that a cell reads or does.
std::string standing_of(const Outlook& outlook, std::size_t cell) {
  std::size_t pieces = 0, reused = 0;
  for (std::size_t w = 0; w < outlook.schedule.work.size(); ++w) {
    const std::vector<std::size_t>& cells = outlook.schedule.work[w].cells;
    if (std::find(cells.begin(), cells.end(), cell) == cells.end()) continue;
    ++pieces;
    reused += outlook.is_reused(w);
  }
  return message("(", reused, " of ", pieces, " reused)");
}

}  // namespace

std::int64_t planned_peak_bytes(const LoadedExperiment& loaded, const Registry& registry) {
  std::int64_t most = 0;
  RunSchedule schedule = make_schedule(loaded.cells, loaded.experiments, {});
  find_rows(schedule, registry);
  for (const Experiment& experiment : schedule.experiments)
    for (const Stage& stage : experiment.stages)
      if (const auto plan = plan_of(experiment, stage, registry); plan.memory)
        most = std::max(most, plan.memory->peak_bytes());
  return most;
}

std::string describe_grid(const LoadedExperiment& loaded, const Registry& registry,
                          const Outlook& outlook) {
  constexpr std::size_t kMostListed = 60;
  const RunSchedule& schedule = outlook.schedule;
  const WorkNames names(schedule);
  std::ostringstream text;
  text << loaded.experiments.front().options.name << ": " << schedule.cells.size() << " cells, "
       << schedule.work.size() << " pieces of work (equal ones are done once), seeds "
       << seeds_text(schedule) << "\n\n"
       << text_table(summary_table(outlook, registry), 120) << "\n";
  for (std::size_t c = 0; c < std::min(kMostListed, schedule.cells.size()); ++c)
    text << schedule.cell_ids[c] << "  " << names.of(schedule.cells[c]) << "  "
         << standing_of(outlook, c) << "\n";
  if (schedule.cells.size() > kMostListed)
    text << "and " << schedule.cells.size() - kMostListed << " more cells\n";
  for (const Stage& stage : loaded.experiments.front().stages)
    text << cache_text(stage, plan_of(loaded.experiments.front(), stage, registry));
  text << "\nforward passes: of the policy in training, copies of answers.  memory: of one worker, "
          "where rows\nare not there yet if every text is as long as the model accepts; --jobs N "
          "needs N times that.\n";
  return text.str();
}

std::string describe_plan(const LoadedExperiment& loaded, const Registry& registry,
                          const Outlook& outlook) {
  RunSchedule schedule = outlook.schedule;
  find_rows(schedule, registry);
  Table table;
  table.columns = {{"work", Align::left},
                   {"kind", Align::left},
                   {"state", Align::left},
                   {"seed"},
                   {"steps"},
                   {"batch"},
                   {"estimator", Align::left},
                   {"cells"}};
  for (std::size_t w = 0; w < schedule.work.size(); ++w) {
    const Work& work = schedule.work[w];
    const Stage& stage = schedule.stage_of(work);
    const StagePlan plan = plan_of(schedule.experiments[work.experiment], stage, registry);
    table.rows.push_back({work.folder.lexically_relative(outlook.out).generic_string(),
                          std::string(stage.kind.name()), outlook.states[w],
                          std::to_string(work.seed), plan.steps, plan.batch, plan.estimator,
                          std::to_string(work.cells.size())});
  }
  std::ostringstream text;
  text << loaded.experiments.front().options.name << ": " << schedule.work.size()
       << " pieces of work in " << outlook.out.string() << "\n"
       << text_table(table, 120);
  if (const std::string first = first_of(schedule.cells.size()); !first.empty())
    text << "\n" << first << "\n";
  std::string caches;
  for (const Stage& stage : schedule.experiments.front().stages) {
    const StagePlan plan = plan_of(schedule.experiments.front(), stage, registry);
    if (plan.memory) text << memory_text(stage, plan);
    caches += cache_text(stage, plan);
  }
  text << caches;
  return text.str();
}

}  // namespace lldm
