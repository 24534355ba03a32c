// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <optional>

#include "lldm/errors.hpp"
#include "report/report_axis_plots.hpp"
#include "report/report_metrics.hpp"

namespace lldm {
namespace {

/// What tuned models are compared by, and those that have it.
std::pair<const ReportMetric*, ReportGroups> compared(const ReportGroups& all) {
  for (const ReportMetric& metric : report_metrics()) {
    if (metric.name != "accuracy" && metric.name != "preference_accuracy_per_token") continue;
    ReportGroups groups = lines_where(all, [&](const ReportGroup& group) {
      return group.role == "preference" && !group.values(metric.name).empty();
    });
    if (!groups.empty()) return {&metric, std::move(groups)};
  }
  return {};
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

void add_point(ScatterPlot& plot, ScatterPoint point, const ReportGroup& group,
               ReportStyles& styles) {
  const std::string series = group.estimator.empty() ? group.stage : group.estimator;
  auto at = std::find(plot.series.begin(), plot.series.end(), series);
  if (at == plot.series.end()) {
    at = plot.series.insert(plot.series.end(), series);
    plot.styles.push_back(styles.of(series, series));
  }
  point.series = static_cast<std::size_t>(at - plot.series.begin());
  plot.points.push_back(std::move(point));
}

/// Tuned models as points: what they are compared by over another metric, or its power.  Every
/// estimator has a colour.
void write_scatter(const ReportGroups& all, const std::string& over, double power, ScatterPlot plot,
                   const std::string& file, PlotSink& sink) {
  constexpr std::size_t kMostNamed = 24;
  const auto [goal, groups] = compared(all);
  if (!goal) return;
  plot.y.label = goal->label;
  std::vector<double> places;
  std::vector<const ReportGroup*> shown;
  for (const ReportGroup& group : groups)
    if (auto point = point_of(group, over, power, goal->name, plot.notes)) {
      places.push_back(point->x);
      shown.push_back(&group);
      add_point(plot, *std::move(point), group, sink.styles);
    }
  if (plot.points.size() < 2) {
    if (plot.points.size() + plot.notes.size() < 2) return;  // one model is no comparison
    sink.notes.push_back(plot.title + ": fewer than two models can be drawn");
    for (const std::string& note : plot.notes) sink.notes.push_back(plot.title + ": " + note);
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

ScatterPlot empty_plot(const char* title, const char* label) {
  return {.title = title, .x = {.label = label}, .y = {}, .series = {}, .points = {}};
}

}  // namespace

void write_compute_plots(const ReportGroups& groups, PlotSink& sink) {
  write_scatter(
      groups, "evaluated_forward_passes", 1.0,
      empty_plot("Accuracy against compute", "evaluated forward passes of the policy in training"),
      "accuracy_against_forward_passes.svg", sink);
  write_scatter(
      groups, "score_sd", 2.0,
      empty_plot("Accuracy against the noise of the score", "variance of the score [nats\u00b2]"),
      "accuracy_against_score_variance.svg", sink);
}

void write_seconds_plot(const ReportGroups& groups, PlotSink& sink) {
  write_scatter(groups, "training_seconds", 1.0,
                empty_plot("Accuracy against time", "seconds of training, this machine"),
                "accuracy_against_seconds.svg", sink);
}

}  // namespace lldm
