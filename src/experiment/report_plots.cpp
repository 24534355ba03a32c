// SPDX-License-Identifier: MIT
#include "experiment/report_plots.hpp"

#include <cmath>
#include <map>
#include <set>

#include "experiment/report_table.hpp"
#include "lldm/experiment/svg_plot.hpp"
#include "lldm/track/files.hpp"
#include "lldm/track/metrics.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// One bar per model, with its interval.
std::string bars(const std::vector<ReportGroup>& groups, const std::string& metric,
                 const std::string& title, const std::string& label) {
  BarPlot plot{.title = title, .y = {.label = label}, .groups = {}, .series = {}};
  BarSeries series{.name = label, .values = {}};
  for (const ReportGroup& group : groups) {
    const Spread spread = spread_of(group, metric);
    if (!spread.is_known) continue;
    plot.groups.push_back(group.label);
    series.values.push_back(spread.mean);
    series.low.push_back(spread.low);
    series.high.push_back(spread.high);
  }
  if (plot.groups.empty()) return "";
  plot.series = {series};
  return svg_plot(plot);
}

/// Curves of one metric: one line per stage and seed folder, at most kMostCurves.
std::string curves(const std::vector<MetricsLine>& lines, const std::set<std::string>& stages,
                   const std::string& metric, const std::string& title, const std::string& label) {
  constexpr std::size_t kMostCurves = 8;
  std::map<std::string, PlotSeries> series;
  std::vector<std::string> order;
  for (const MetricsLine& line : lines) {
    if (!stages.contains(line.stage)) continue;
    for (const auto& [name, value] : line.values) {
      if (name != metric || !std::isfinite(value)) continue;
      if (!series.contains(line.stage)) {
        if (order.size() == kMostCurves) continue;
        order.push_back(line.stage);
        series[line.stage].name = line.stage;
      }
      if (!series.contains(line.stage)) continue;
      series[line.stage].x.push_back(static_cast<double>(line.step));
      series[line.stage].y.push_back(value);
    }
  }
  LinePlot plot{
      .title = title, .x = {.label = "optimizer step"}, .y = {.label = label}, .series = {}};
  for (const std::string& name : order) plot.series.push_back(series[name]);
  return plot.series.empty() ? "" : svg_plot(plot);
}

}  // namespace

std::vector<std::string> write_plots(const Json& report, const std::filesystem::path& out) {
  std::vector<std::string> names;
  const auto write = [&](const std::string& name, const std::string& svg) {
    if (svg.empty()) return;
    write_file_atomically(out / name, svg);
    names.push_back(name);
  };
  const std::vector<ReportGroup> groups = group_rows(report);
  write("accuracy.svg", bars(groups, "accuracy", "Accuracy on unseen prompts", "accuracy"));
  write("superfluous_steps.svg",
        bars(groups, "superfluous_steps", "Superfluous lines on unseen prompts",
             "superfluous lines per answer"));
  write("preference_accuracy.svg", bars(groups, "preference_accuracy",
                                        "Held-out pairs by absolute score", "preference accuracy"));
  if (!std::filesystem::exists(out / "metrics.jsonl")) return names;
  const std::vector<MetricsLine> lines = read_metrics(out / "metrics.jsonl");
  std::set<std::string> plain, preference;
  for (const MetricsLine& line : lines)
    for (const auto& [name, value] : line.values)
      if (name == "train/loss") plain.insert(line.stage);
  for (const MetricsLine& line : lines)
    for (const auto& [name, value] : line.values)
      if (name == "train/rewards/accuracies") {
        preference.insert(line.stage);
        plain.erase(line.stage);
      }
  write("training_loss.svg", curves(lines, plain, "train/nats_per_token",
                                    "Pretraining and fine-tuning", "nats per token"));
  write("preference_margin.svg",
        curves(lines, preference, "train/rewards/margins", "Preference tuning", "reward margin"));
  return names;
}

}  // namespace lldm
