// SPDX-License-Identifier: MIT
#include "report/report_axis_plots.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "lldm/errors.hpp"
#include "lldm/render/svg_plot.hpp"
#include "report/report_axes.hpp"
#include "report/report_metrics.hpp"

namespace lldm {
namespace {

constexpr const char* kEvaluated = "evaluated_passes_per_text";

double axis_value(const ReportGroup& group, const std::string& path) {
  return group.axes.at(path).get<double>();
}

bool has_axis(const ReportGroup& group, const std::string& path) {
  return group.axes.contains(path);
}

/// Logarithmic where the values span a factor of eight or more.
PlotScale scale_of(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *low > 0 && *high >= 8 * *low ? PlotScale::logarithmic : PlotScale::linear;
}

std::vector<double> sorted_values(const AxisFamily& family, const std::string& path) {
  std::vector<double> values;
  for (const Axes& value : family.values.at(path)) values.push_back(value.get<double>());
  std::sort(values.begin(), values.end());
  return values;
}

std::string title_of(const ReportMetric& metric, const std::string& what) {
  return what.empty() ? metric.title : metric.title + ": " + what;
}

/// Where a group stands on an axis; of a study's budget what was evaluated, where all groups know.
double place_of(const ReportGroup& group, const std::string& path, bool is_evaluated) {
  return is_evaluated ? spread_of(group, kEvaluated).mean : axis_value(group, path);
}

/// One line: the metric over the axis, with the band of the seeds.
PlotSeries series_of(const std::string& name, std::vector<const ReportGroup*> groups,
                     const std::string& path, const std::string& metric, bool is_evaluated) {
  std::sort(groups.begin(), groups.end(), [&](const ReportGroup* a, const ReportGroup* b) {
    return place_of(*a, path, is_evaluated) < place_of(*b, path, is_evaluated);
  });
  PlotSeries series{.name = name, .x = {}, .y = {}};
  for (const ReportGroup* group : groups) {
    const Spread spread = spread_of(*group, metric);
    if (!spread.is_known) continue;
    const bool has_seeds = spread.seeds >= 2;
    series.x.push_back(place_of(*group, path, is_evaluated));
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

/// A line with the groups that it is of.
struct Curve {
  PlotSeries series;
  std::vector<const ReportGroup*> groups;
};

/// The lines of a family over an axis; `lost` says of those that cannot be drawn why.
std::vector<Curve> curves_of(const AxisFamily& family, const std::string& path,
                             const ReportMetric& metric, bool is_evaluated, PlotSink& sink,
                             std::vector<std::string>& lost) {
  std::vector<Curve> curves;
  for (const auto& [name, groups] : family.split({path})) {
    Curve curve;
    for (const ReportGroup* group : groups)
      if (has_axis(*group, path)) curve.groups.push_back(group);
    curve.series = series_of(name, curve.groups, path, metric.name, is_evaluated);
    if (curve.series.y.empty()) continue;  // not measured
    if (!is_drawable(curve.series, metric.scale)) {
      lost.push_back(message("no line of ", name.empty() ? path : name, ": no value is ",
                             metric.scale == PlotScale::linear ? "finite" : "positive"));
      continue;
    }
    std::string key = sink.styles.key_of(*curve.groups.front());
    for (const ReportGroup* group : curve.groups)
      if (sink.styles.key_of(*group) != key) key = name;
    curve.series.style = sink.styles.of(key, name);
    curves.push_back(std::move(curve));
  }
  return curves;
}

void write_curve(const AxisFamily& family, const std::string& path, const ReportMetric& metric,
                 PlotSink& sink) {
  constexpr std::size_t kMostCurves = 8;  // colours and dashes that can be told apart
  const bool is_evaluated =
      path == "budget" &&
      std::all_of(family.groups.begin(), family.groups.end(),
                  [](const ReportGroup* group) { return !group->values(kEvaluated).empty(); });
  std::vector<std::string> lost;
  std::vector<Curve> curves = curves_of(family, path, metric, is_evaluated, sink, lost);
  std::vector<double> places;
  for (const Curve& curve : curves)
    places.insert(places.end(), curve.series.x.begin(), curve.series.x.end());
  const std::size_t plots = (curves.size() + kMostCurves - 1) / kMostCurves;
  if (plots == 0)
    for (const std::string& note : lost) sink.notes.push_back(metric.title + ": " + note);
  for (std::size_t p = 0; p < plots; ++p) {
    LinePlot plot{.title = title_of(metric, family.name),
                  .x = {.label = axis_title(path, is_evaluated), .scale = scale_of(places)},
                  .y = {.label = metric.label, .scale = metric.scale},
                  .series = {}};
    std::vector<const ReportGroup*> shown;
    // As many in each, so that no plot is left with one line.
    const std::size_t first = p * curves.size() / plots, last = (p + 1) * curves.size() / plots;
    for (std::size_t c = first; c < last; ++c) {
      plot.series.push_back(std::move(curves[c].series));
      shown.insert(shown.end(), curves[c].groups.begin(), curves[c].groups.end());
    }
    plot.notes = not_finite_notes(shown, metric.name);
    if (p + 1 == plots) plot.notes.insert(plot.notes.end(), lost.begin(), lost.end());
    plot.notes.push_back(sizes_text(shown, metric.name));
    std::string name = metric.name + " over " + short_path(path) + " " + family.name;
    if (plots > 1) {
      plot.title += message(" (", p + 1, " of ", plots, ")");
      name += message(" ", p + 1);
    }
    sink.write(as_file_name(name) + ".svg", svg_plot(plot));
  }
}

std::vector<std::string> tick_texts(const std::vector<double>& values) {
  std::vector<std::string> texts;
  for (const double value : values) texts.push_back(Axes(value).dump());
  for (std::string& text : texts)
    if (text.ends_with(".0")) text.resize(text.size() - 2);
  return texts;
}

void write_heat_map(const AxisFamily& family, const std::string& x, const std::string& y,
                    const std::string& part, const std::vector<const ReportGroup*>& groups,
                    const ReportMetric& metric, PlotSink& sink) {
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
  map.notes = not_finite_notes(groups, metric.name);
  map.notes.push_back(sizes_text(groups, metric.name));
  if (!has_value) {
    for (const std::string& note : not_finite_notes(groups, metric.name))
      sink.notes.push_back(map.title + ": " + note);
    return;
  }
  sink.write(
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

/// The point of a tuned model; nothing, and a note, where it cannot be drawn.
std::optional<ScatterPoint> point_of(const ReportGroup& group, const std::string& over,
                                     double power, const std::string& goal,
                                     std::vector<std::string>& notes) {
  const Spread x = spread_of(group, over), y = spread_of(group, goal);
  if (!y.is_known) return std::nullopt;
  if (!x.is_known || !std::isfinite(x.mean) || !std::isfinite(y.mean)) {
    notes.push_back(message("not drawn: ", group.name, ": ",
                            !x.is_known             ? over + " is not known"
                            : std::isfinite(x.mean) ? y.why
                                                    : x.why));
    return std::nullopt;
  }
  std::string label = group.name;
  if (label.starts_with(group.stage + ", ")) label.erase(0, group.stage.size() + 2);
  const bool has_seeds = y.seeds >= 2;
  return ScatterPoint{.label = label,
                      .series = 0,
                      .x = std::pow(x.mean, power),
                      .y = y.mean,
                      .y_low = has_seeds ? y.mean - y.sd : y.low,
                      .y_high = has_seeds ? y.mean + y.sd : y.high};
}

/// Tuned models as points: `goal` over another metric.  Every estimator has a colour.
void write_scatter(const ReportGroups& groups, const std::string& over, double power,
                   const PlotAxis& x_axis, const std::string& title, const std::string& file,
                   PlotSink& sink) {
  constexpr std::size_t kMostNamed = 24;
  const ReportMetric* goal = goal_of(groups);
  if (!goal) return;
  ScatterPlot plot{
      .title = title, .x = x_axis, .y = {.label = goal->label}, .series = {}, .points = {}};
  std::vector<double> places;
  std::vector<const ReportGroup*> shown;
  for (const ReportGroup& group : groups) {
    if (group.role != "preference") continue;
    std::optional<ScatterPoint> point = point_of(group, over, power, goal->name, plot.notes);
    if (!point) continue;
    const std::string series = group.estimator.empty() ? group.stage : group.estimator;
    auto at = std::find(plot.series.begin(), plot.series.end(), series);
    if (at == plot.series.end()) {
      at = plot.series.insert(plot.series.end(), series);
      plot.styles.push_back(sink.styles.of(series, series));
    }
    point->series = static_cast<std::size_t>(at - plot.series.begin());
    places.push_back(point->x);
    plot.points.push_back(*std::move(point));
    shown.push_back(&group);
  }
  if (plot.points.size() < 2) {
    if (plot.points.size() + plot.notes.size() < 2) return;  // one model is no comparison
    sink.notes.push_back(title + ": fewer than two models can be drawn");
    for (const std::string& note : plot.notes) sink.notes.push_back(title + ": " + note);
    return;
  }
  if (plot.points.size() > kMostNamed) {
    plot.notes.push_back(
        message("the names of the ", plot.points.size(), " points are in the tables"));
    for (ScatterPoint& point : plot.points) point.label.clear();
  }
  plot.notes.push_back(sizes_text(shown, goal->name));
  plot.x.scale = scale_of(places);
  sink.write(file, svg_plot(plot));
}

}  // namespace

void write_axis_curves(const ReportGroups& groups, PlotSink& sink) {
  for (const AxisFamily& family : axis_families(groups))
    for (const auto& [path, values] : family.values)
      if (family.is_numeric(path))
        for (const ReportMetric& metric : report_metrics())
          if (family.is_first || !metric.is_of_training) write_curve(family, path, metric, sink);
}

void write_heat_maps(const ReportGroups& groups, PlotSink& sink) {
  constexpr std::size_t kMostMaps = 4;
  for (const AxisFamily& family : axis_families(groups)) {
    std::vector<std::string> numeric;
    for (const auto& [path, values] : family.values)
      if (family.is_numeric(path)) numeric.push_back(path);
    for (std::size_t a = 0; a < numeric.size(); ++a)
      for (std::size_t b = a + 1; b < numeric.size(); ++b) {
        const auto parts = family.split({numeric[a], numeric[b]});
        if (parts.size() > kMostMaps) {
          sink.notes.push_back(message("no heat maps of ", short_path(numeric[a]), " and ",
                                       short_path(numeric[b]), ": ", parts.size(),
                                       " combinations of the other axes, more than ", kMostMaps));
          continue;
        }
        for (const auto& [part, members] : parts)
          for (const ReportMetric& metric : report_metrics())
            if (metric.has_map && (family.is_first || !metric.is_of_training))
              write_heat_map(family, numeric[a], numeric[b],
                             family.name + (family.name.empty() || part.empty() ? "" : ", ") + part,
                             members, metric, sink);
      }
  }
}

void write_compute_plots(const ReportGroups& groups, PlotSink& sink) {
  write_scatter(groups, "evaluated_forward_passes", 1.0,
                {.label = "evaluated forward passes of the policy in training"},
                "Accuracy against compute", "accuracy_against_forward_passes.svg", sink);
  write_scatter(groups, "score_sd", 2.0, {.label = "variance of the score [nats\u00b2]"},
                "Accuracy against the noise of the score", "accuracy_against_score_variance.svg",
                sink);
}

void write_seconds_plot(const ReportGroups& groups, PlotSink& sink) {
  write_scatter(groups, "training_seconds", 1.0, {.label = "seconds of training, this machine"},
                "Accuracy against time", "accuracy_against_seconds.svg", sink);
}

}  // namespace lldm
