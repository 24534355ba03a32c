// SPDX-License-Identifier: MIT
// What a run would do, from sizes alone.
#include <sstream>

#include "lldm/experiment/run.hpp"
#include "lldm/experiment/table.hpp"
#include "lldm/memory/planner.hpp"

namespace lldm {

std::vector<std::string> not_runnable_yet(const LoadedExperiment& loaded) {
  return loaded.experiments.front().options.model.not_runnable_yet();
}

std::string describe_plan(const LoadedExperiment& loaded, const Registry&,
                          const std::filesystem::path& out) {
  const RunSchedule schedule = make_schedule(loaded.cells, loaded.experiments, out);
  Table table;
  table.columns = {{"work", Align::left},
                   {"kind", Align::left},
                   {"seed"},
                   {"steps"},
                   {"batch"},
                   {"estimator", Align::left},
                   {"cells"}};
  for (const Work& work : schedule.work) {
    const Stage& stage = schedule.stage_of(work);
    std::string steps = "-", batch = "-", estimator = "-";
    if (const auto* training = std::get_if<TrainingStage>(&stage.options)) {
      std::ostringstream text;
      if (training->optimizer.steps > 0)
        text << training->optimizer.steps;
      else
        text << training->optimizer.epochs << " epochs";
      steps = text.str();
      batch = std::to_string(training->optimizer.batch_size * training->optimizer.accumulation);
      estimator = std::string(training->score_estimator.type());
    }
    table.rows.push_back({work.folder.lexically_relative(out).generic_string(),
                          std::string(to_string(stage.kind)), std::to_string(work.seed), steps,
                          batch, estimator, std::to_string(work.cells.size())});
  }
  std::ostringstream text;
  text << loaded.experiments.front().options.name << ": " << schedule.work.size()
       << " pieces of work in " << out.string() << "\n"
       << text_table(table, 120);
  for (const std::string& line : not_runnable_yet(loaded)) text << line << "\n";
  return text.str();
}

}  // namespace lldm
