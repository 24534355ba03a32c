// SPDX-License-Identifier: MIT
#include "report/report_plots.hpp"

#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/render/svg_plot.hpp"
#include "lldm/storage/files.hpp"
#include "report/report_axis_plots.hpp"
#include "report/report_metrics.hpp"

namespace lldm {
namespace {

/// Bars of the groups, with the spread of their seeds (one seed: of their items), in their
/// estimators' colours.
BarPlot bars_of(const std::vector<const ReportGroup*>& groups, const ReportMetric& metric,
                ReportStyles& styles) {
  BarPlot plot{.title = metric.title, .y = {.label = metric.label}, .groups = {}, .series = {}};
  BarSeries series{.name = metric.label, .values = {}};
  BarColours colours;
  for (const ReportGroup* group : groups) {
    const Spread spread = spread_of(*group, metric.name);
    const bool has_seeds = spread.seeds >= 2;
    plot.groups.push_back(group->name);
    series.values.push_back(std::isfinite(spread.mean) ? spread.mean : std::nan(""));
    series.low.push_back(has_seeds ? spread.mean - spread.sd : spread.low);
    series.high.push_back(has_seeds ? spread.mean + spread.sd : spread.high);
    const std::string estimator = styles.key_of(*group) == group->estimator ? group->estimator : "";
    const std::string name = estimator.empty() ? "not tuned by preference" : estimator;
    auto at = std::find(colours.names.begin(), colours.names.end(), name);
    if (at == colours.names.end()) {
      at = colours.names.insert(colours.names.end(), name);
      colours.styles.push_back(styles.of(name, name));
    }
    colours.of.push_back(static_cast<std::size_t>(at - colours.names.begin()));
  }
  plot.series = {series};
  if (colours.names.size() > 1) plot.colours = colours;
  plot.notes = not_finite_notes(groups, metric.name);
  plot.notes.push_back(sizes_text(groups, metric.name));
  return plot;
}

/// One bar per model, as many plots as they need.
void write_bars(const ReportGroups& all, const ReportMetric& metric, PlotSink& sink) {
  const ReportGroups groups = lines_with(all, {metric.name});
  constexpr std::size_t kMostBars = 24;
  std::vector<const ReportGroup*> shown;
  bool has_value = false;
  for (const ReportGroup& group : groups) {
    const Spread spread = spread_of(group, metric.name);
    if (spread.is_known) shown.push_back(&group);
    has_value = has_value || (spread.is_known && std::isfinite(spread.mean));
  }
  if (!has_value) {
    for (const std::string& note : not_finite_notes(shown, metric.name))
      sink.notes.push_back(metric.title + ": " + note);
    return;
  }
  for (const PlotPart& part : plot_parts(shown.size(), kMostBars)) {
    const auto first = static_cast<std::ptrdiff_t>(part.first),
               last = static_cast<std::ptrdiff_t>(part.last);
    BarPlot plot = bars_of({shown.begin() + first, shown.begin() + last}, metric, sink.styles);
    const std::vector<double>& values = plot.series.front().values;
    if (std::none_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
      sink.notes.insert(sink.notes.end(), plot.notes.begin(), plot.notes.end());
      continue;
    }
    plot.title += part.title;
    sink.write(metric.name + part.file + ".svg", svg_plot(plot));
  }
}

}  // namespace

ReportPlots write_plots(const ReportData& data, const ReportGroups& groups,
                        const std::filesystem::path& out) {
  ReportPlots plots;
  ReportStyles styles(groups);
  const auto into = [&](std::vector<std::string>& names) {
    return [&names, &out](const std::string& name, const std::string& svg) {
      write_file_atomically(out / name, svg);
      names.push_back(name);
    };
  };
  PlotSink sink{into(plots.files), styles, plots.notes};
  for (const ReportMetric& metric : report_metrics())
    for (const char* name : {"accuracy", "superfluous_steps", "preference_accuracy"})
      if (metric.name == name) write_bars(groups, metric, sink);
  write_axis_curves(groups, sink);
  write_heat_maps(groups, sink);
  write_compute_plots(groups, sink);
  PlotSink measured{into(plots.measured), styles, plots.measured_notes};
  write_seconds_plot(groups, measured);
  write_learning_curves(data, groups, sink);
  return plots;
}

}  // namespace lldm
