// SPDX-License-Identifier: MIT
#include "experiment/found_work.hpp"

#include <set>
#include <string>

#include "experiment/work_seal.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/track/metrics.hpp"
#include "model/weight_files.hpp"

namespace lldm {

void check_found_work(const RunSchedule& schedule, const std::filesystem::path& out,
                      WeightCheck weights, Logger& logger) {
  static_cast<void>(holds_whole_metrics(out / kMetricsName));
  for (const Work& work : schedule.work) {
    if (!is_done(work)) continue;
    require_whole_work(work, weights);
    if (schedule.cells.size() == 1)
      require_whole_metrics(work, std::filesystem::relative(work.folder, out).generic_string(),
                            out / kMetricsName, logger);
  }
}

void note_unbound_models(const RunSchedule& schedule, const std::vector<bool>& needed,
                         Logger& logger) {
  std::set<std::string> seen;
  bool is_later = false;  // what the first stage loads, it tells at once
  const auto note = [&](const std::string& folder) {
    if (folder.empty() || !std::filesystem::is_directory(folder) || has_manifest(folder) ||
        !seen.insert(folder).second)
      return;
    logger.info(unbound_note(folder));
    if (is_later) require_finite_weights(folder);
  };
  for (std::size_t w = 0; w < schedule.work.size(); ++w) {
    const Work& work = schedule.work[w];
    if (!needed[w] || is_done(work)) continue;
    const Experiment& experiment = schedule.experiments[work.experiment];
    note(experiment.options.model.path.string());
    if (!work.model.empty() && !work.inputs.contains(work.model)) note(work.model);
    for (const std::string& input : schedule.stage_of(work).facts.all_inputs())
      if (!work.inputs.contains(input) && input.find('/') != std::string::npos) note(input);
    is_later = true;
  }
}

}  // namespace lldm
