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

constexpr const char* kEvaluated = "evaluated_passes_per_text";

double axis_value(const ReportGroup& group, const std::string& path) {
  return group.axes.at(path).get<double>();
}

bool has_axis(const ReportGroup& group, const std::string& path) {
  return group.axes.contains(path);
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

/// What a plot of these curves says below: figures that are none, and of what the others are.
std::vector<std::string> notes_of(const std::vector<const ReportGroup*>& shown,
                                  const std::string& metric, std::vector<std::string> lost) {
  std::vector<std::string> notes = not_finite_notes(shown, metric);
  notes.insert(notes.end(), lost.begin(), lost.end());
  notes.push_back(sizes_text(shown, metric));
  return notes;
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
  if (curves.empty())
    for (const std::string& note : lost) sink.notes.push_back(metric.title + ": " + note);
  const auto without =
      std::count_if(family.groups.begin(), family.groups.end(), [&](const ReportGroup* group) {
        return !has_axis(*group, path) && !group->values(metric.name).empty();
      });
  if (without > 0)
    lost.push_back(message("not drawn: ", without, without == 1 ? " line" : " lines", " without ",
                           family.name_of(path)));
  for (const PlotPart& part : plot_parts(curves.size(), kMostCurves)) {
    LinePlot plot{.title = title_of(metric, family.name) + part.title,
                  .x = {.label = family.title_of(path, is_evaluated), .scale = scale_of(places)},
                  .y = {.label = metric.label, .scale = metric.scale},
                  .series = {}};
    std::vector<const ReportGroup*> shown;
    for (std::size_t c = part.first; c < part.last; ++c) {
      plot.series.push_back(std::move(curves[c].series));
      shown.insert(shown.end(), curves[c].groups.begin(), curves[c].groups.end());
    }
    const bool is_last = part.last == curves.size();
    plot.notes = notes_of(shown, metric.name, is_last ? lost : std::vector<std::string>());
    sink.write(as_file_name(metric.name + " over " + family.name_of(path) + " " + family.name +
                            part.file) +
                   ".svg",
               svg_plot(plot));
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
              .x_label = family.title_of(x),
              .y_label = family.title_of(y),
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
  map.notes = notes_of(groups, metric.name, {});
  if (!has_value) {
    for (const std::string& note : not_finite_notes(groups, metric.name))
      sink.notes.push_back(map.title + ": " + note);
    return;
  }
  sink.write(as_file_name(metric.name + " by " + family.name_of(x) + " and " + family.name_of(y) +
                          " " + part) +
                 ".svg",
             svg_plot(map));
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
          sink.notes.push_back(message("no heat maps of ", family.name_of(numeric[a]), " and ",
                                       family.name_of(numeric[b]), ": ", parts.size(),
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

}  // namespace lldm
