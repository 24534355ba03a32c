// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "report/plot_sink.hpp"
#include "report/report_runs.hpp"
#include "report/report_table.hpp"

namespace lldm {

struct ReportPlots {
  std::vector<std::string> files;                // for report.md
  std::vector<std::string> measured;             // for costs.md: what the clock said
  std::vector<std::string> notes = {};           // what is in no plot, and why
  std::vector<std::string> measured_notes = {};  // the same for costs.md
};

/// Writes the plots of a report into `out`: results by model (bars), curves and heat maps over
/// axes, accuracy against compute and noise, and the learning curves by kind of stage.
ReportPlots write_plots(const ReportData& data, const ReportGroups& groups,
                        const std::filesystem::path& out);

/// The learning curves alone: means over seeds of what the training stages logged.
void write_learning_curves(const ReportData& data, const ReportGroups& groups, PlotSink& sink);

}  // namespace lldm
