// SPDX-License-Identifier: MIT
// The metrics that reports draw: how they are called and on which scale they are read.
#pragma once

#include <string>
#include <vector>

#include "lldm/render/svg_plot.hpp"

namespace lldm {

struct ReportMetric {
  std::string name;   // in report.json
  std::string title;  // of its plots
  std::string label;  // of its axis, with the unit
  PlotScale scale = PlotScale::linear;
  bool is_of_training = false;  // a training stage's own: the same whatever measured the model
  bool has_map = true;          // worth a heat map of its own
};

/// In the order in which they are drawn.
const std::vector<ReportMetric>& report_metrics();

}  // namespace lldm
