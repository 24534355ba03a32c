// SPDX-License-Identifier: MIT
#include "report/report_axis_plots.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lldm/errors.hpp"
#include "lldm/render/svg_plot.hpp"
#include "report/report_axes.hpp"
#include "report/report_metrics.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

double axis_value(const ReportGroup& group, const std::string& path) {
  return group.rows.front()->at("axes").at(path).get<double>();
}

bool has_axis(const ReportGroup& group, const std::string& path) {
  return group.rows.front()->at("axes").contains(path);
}

/// Logarithmic where the values span a factor of eight or more.
PlotScale scale_of(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *low > 0 && *high >= 8 * *low ? PlotScale::logarithmic : PlotScale::linear;
}

std::vector<double> sorted_values(const AxisFamily& family, const std::string& path) {
  std::vector<double> values;
  for (const Json& value : family.values.at(path)) values.push_back(value.get<double>());
  std::sort(values.begin(), values.end());
  return values;
}

std::string title_of(const ReportMetric& metric, const std::string& what) {
  return what.empty() ? metric.title : metric.title + ": " + what;
}

/// One line: the metric over the axis, with the band of the seeds.
PlotSeries series_of(const std::string& name, std::vector<const ReportGroup*> groups,
                     const std::string& path, const std::string& metric) {
  std::sort(groups.begin(), groups.end(), [&](const ReportGroup* a, const ReportGroup* b) {
    return axis_value(*a, path) < axis_value(*b, path);
  });
  PlotSeries series{.name = name, .x = {}, .y = {}};
  for (const ReportGroup* group : groups) {
    const Spread spread = spread_of(*group, metric);
    if (!spread.is_known) continue;
    const bool has_seeds = spread.seeds >= 2;
    series.x.push_back(axis_value(*group, path));
    series.y.push_back(spread.mean);
    series.low.push_back(has_seeds ? spread.mean - spread.sd : spread.low);
    series.high.push_back(has_seeds ? spread.mean + spread.sd : spread.high);
  }
  return series;
}

bool is_drawable(const PlotSeries& series, PlotScale scale) {
  return std::any_of(series.y.begin(), series.y.end(), [&](double y) {
    return std::isfinite(y) && (scale == PlotScale::linear || y > 0);
  });
}

void write_curve(const AxisFamily& family, const std::string& path, const ReportMetric& metric,
                 const WritePlot& write) {
  constexpr std::size_t kMostCurves = 8;  // colours and dashes that can be told apart
  std::vector<PlotSeries> curves;
  for (const auto& [name, groups] : family.split({path})) {
    std::vector<const ReportGroup*> with_axis;
    for (const ReportGroup* group : groups)
      if (has_axis(*group, path)) with_axis.push_back(group);
    PlotSeries series = series_of(name, with_axis, path, metric.name);
    if (is_drawable(series, metric.scale)) curves.push_back(std::move(series));
  }
  const std::size_t plots = (curves.size() + kMostCurves - 1) / kMostCurves;
  for (std::size_t p = 0; p < plots; ++p) {
    LinePlot plot{.title = title_of(metric, family.name),
                  .x = {.label = axis_title(path), .scale = scale_of(sorted_values(family, path))},
                  .y = {.label = metric.label, .scale = metric.scale},
                  .series = {}};
    // As many in each, so that no plot is left with one line.
    const std::size_t first = p * curves.size() / plots, last = (p + 1) * curves.size() / plots;
    for (std::size_t c = first; c < last; ++c) plot.series.push_back(std::move(curves[c]));
    std::string name = metric.name + " over " + short_path(path) + " " + family.name;
    if (plots > 1) {
      plot.title += message(" (", p + 1, " of ", plots, ")");
      name += message(" ", p + 1);
    }
    write(as_file_name(name) + ".svg", svg_plot(plot));
  }
}

std::vector<std::string> tick_texts(const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(Json(value).dump());
  for (std::string& text : texts)
    if (text.ends_with(".0")) text.resize(text.size() - 2);
  return texts;
}

void write_heat_map(const AxisFamily& family, const std::string& x, const std::string& y,
                    const std::string& part, const std::vector<const ReportGroup*>& groups,
                    const ReportMetric& metric, const WritePlot& write) {
  const std::vector<double> columns = sorted_values(family, x), rows = sorted_values(family, y);
  const double none = std::numeric_limits<double>::quiet_NaN();
  HeatMap map{.title = title_of(metric, part),
              .x_label = axis_title(x),
              .y_label = axis_title(y),
              .value_label = metric.label,
              .columns = tick_texts(columns),
              .rows = tick_texts(rows),
              .values = std::vector(rows.size(), std::vector(columns.size(), none)),
              .spread = std::vector(rows.size(), std::vector(columns.size(), none))};
  bool has_value = false;
  for (const ReportGroup* group : groups) {
    if (!has_axis(*group, x) || !has_axis(*group, y)) continue;
    const Spread spread = spread_of(*group, metric.name);
    if (!spread.is_known || !std::isfinite(spread.mean)) continue;
    const auto place = [](const std::vector<double>& values, double value) {
      return static_cast<std::size_t>(std::find(values.begin(), values.end(), value) -
                                      values.begin());
    };
    const std::size_t row = place(rows, axis_value(*group, y)),
                      column = place(columns, axis_value(*group, x));
    map.values[row][column] = spread.mean;
    if (spread.seeds >= 2) map.spread[row][column] = spread.sd;
    has_value = true;
  }
  if (has_value)
    write(
        as_file_name(metric.name + " by " + short_path(x) + " and " + short_path(y) + " " + part) +
            ".svg",
        svg_plot(map));
}

/// What tuned models are compared by.
const ReportMetric* goal_of(const ReportGroups& groups) {
  for (const ReportMetric& metric : report_metrics())
    for (const char* name : {"accuracy", "preference_accuracy_per_token"})
      if (metric.name == name &&
          std::any_of(groups.begin(), groups.end(), [&](const ReportGroup& group) {
            return group.role == "preference" && !group.values(metric.name).empty();
          }))
        return &metric;
  return nullptr;
}

/// Tuned models as points: `goal` over another metric.  Every estimator has a colour.
void write_scatter(const ReportGroups& groups, const std::string& over, double power,
                   const PlotAxis& x_axis, const std::string& title, const std::string& file,
                   const WritePlot& write) {
  constexpr std::size_t kMostNamed = 24;
  const ReportMetric* goal = goal_of(groups);
  if (!goal) return;
  ScatterPlot plot{
      .title = title, .x = x_axis, .y = {.label = goal->label}, .series = {}, .points = {}};
  std::vector<double> places;
  for (const ReportGroup& group : groups) {
    if (group.role != "preference") continue;
    const Spread x = spread_of(group, over), y = spread_of(group, goal->name);
    if (!x.is_known || !y.is_known) continue;
    const std::string series = group.estimator.empty() ? group.stage : group.estimator;
    auto at = std::find(plot.series.begin(), plot.series.end(), series);
    if (at == plot.series.end()) at = plot.series.insert(plot.series.end(), series);
    std::string label = group.label;
    if (label.starts_with(group.stage + ", ")) label.erase(0, group.stage.size() + 2);
    if (!group.run.empty()) label += " [" + group.run + "]";
    const bool has_seeds = y.seeds >= 2;
    plot.points.push_back({.label = label,
                           .series = static_cast<std::size_t>(at - plot.series.begin()),
                           .x = std::pow(x.mean, power),
                           .y = y.mean,
                           .y_low = has_seeds ? y.mean - y.sd : y.low,
                           .y_high = has_seeds ? y.mean + y.sd : y.high});
    places.push_back(plot.points.back().x);
  }
  if (plot.points.size() < 2) return;
  if (plot.points.size() > kMostNamed)
    for (ScatterPoint& point : plot.points) point.label.clear();
  plot.x.scale = scale_of(places);
  write(file, svg_plot(plot));
}

}  // namespace

void write_axis_curves(const ReportGroups& groups, const WritePlot& write) {
  for (const AxisFamily& family : axis_families(groups))
    for (const auto& [path, values] : family.values)
      if (family.is_numeric(path))
        for (const ReportMetric& metric : report_metrics())
          if (family.is_first || !metric.is_of_training) write_curve(family, path, metric, write);
}

void write_heat_maps(const ReportGroups& groups, const WritePlot& write) {
  constexpr std::size_t kMostMaps = 4;
  for (const AxisFamily& family : axis_families(groups)) {
    std::vector<std::string> numeric;
    for (const auto& [path, values] : family.values)
      if (family.is_numeric(path)) numeric.push_back(path);
    for (std::size_t a = 0; a < numeric.size(); ++a)
      for (std::size_t b = a + 1; b < numeric.size(); ++b) {
        const auto parts = family.split({numeric[a], numeric[b]});
        if (parts.size() > kMostMaps) continue;
        for (const auto& [part, members] : parts)
          for (const ReportMetric& metric : report_metrics())
            if (metric.has_map && (family.is_first || !metric.is_of_training))
              write_heat_map(family, numeric[a], numeric[b],
                             family.name + (family.name.empty() || part.empty() ? "" : ", ") + part,
                             members, metric, write);
      }
  }
}

void write_compute_plots(const ReportGroups& groups, const WritePlot& write) {
  write_scatter(groups, "forward_passes", 1.0,
                {.label = "forward passes of the policy in training"}, "Accuracy against compute",
                "accuracy_against_forward_passes.svg", write);
  write_scatter(groups, "score_sd", 2.0, {.label = "variance of the score [nats\u00b2]"},
                "Accuracy against the noise of the score", "accuracy_against_score_variance.svg",
                write);
}

void write_seconds_plot(const ReportGroups& groups, const WritePlot& write) {
  write_scatter(groups, "training_seconds", 1.0, {.label = "seconds of training, this machine"},
                "Accuracy against time", "accuracy_against_seconds.svg", write);
}

}  // namespace lldm
