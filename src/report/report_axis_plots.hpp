// SPDX-License-Identifier: MIT
// Plots over the axes of a grid and over what a row costs.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "report/report_table.hpp"

namespace lldm {

/// Takes a file name and an SVG.
using WritePlot = std::function<void(const std::string& name, const std::string& svg)>;

/// Curves over each numeric axis (a line for every stage and other axes' values; band: standard
/// deviation over seeds), where one other axis or none varies.
void write_axis_curves(const ReportGroups& groups, const WritePlot& write);

/// A heat map for every pair of numeric axes, one for each combination of the others, four at most.
void write_heat_maps(const ReportGroups& groups, const WritePlot& write);

/// Accuracy (or preference accuracy) of tuned models against forward passes of their training, and
/// against the variance of their scores.
void write_compute_plots(const ReportGroups& groups, const WritePlot& write);

/// The same against seconds: of this machine, so not part of report.md.
void write_seconds_plot(const ReportGroups& groups, const WritePlot& write);

}  // namespace lldm
