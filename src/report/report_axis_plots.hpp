// SPDX-License-Identifier: MIT
// Plots over the axes of a grid and over what a row costs.
#pragma once

#include "report/plot_sink.hpp"
#include "report/report_table.hpp"

namespace lldm {

/// Curves over each numeric axis (a line for every stage and other axes' values; band: standard
/// deviation over seeds), where one other axis or none varies.
void write_axis_curves(const ReportGroups& groups, PlotSink& sink);

/// A heat map for every pair of numeric axes, one for each combination of the others, four at most
/// (of more a note says that there are none).
void write_heat_maps(const ReportGroups& groups, PlotSink& sink);

/// Accuracy (or preference accuracy) of tuned models against the evaluated forward passes of their
/// training, and against the variance of their scores.
void write_compute_plots(const ReportGroups& groups, PlotSink& sink);

/// The same against seconds: of this machine, so not part of report.md.
void write_seconds_plot(const ReportGroups& groups, PlotSink& sink);

}  // namespace lldm
