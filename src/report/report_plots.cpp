// SPDX-License-Identifier: MIT
#include "report/report_plots.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>

#include "experiment/axis_labels.hpp"
#include "lldm/errors.hpp"
#include "lldm/eval/statistics.hpp"
#include "lldm/render/svg_plot.hpp"
#include "lldm/storage/files.hpp"
#include "report/report_axis_plots.hpp"
#include "report/report_metrics.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// One bar per model, with the spread of its seeds (one seed: of its items).
std::string bars(const ReportGroups& groups, const ReportMetric& metric) {
  constexpr std::size_t kMostBars = 24;  // more are read off the axes' plots
  BarPlot plot{.title = metric.title, .y = {.label = metric.label}, .groups = {}, .series = {}};
  BarSeries series{.name = metric.label, .values = {}};
  std::set<std::string> evaluations;
  for (const ReportGroup& group : groups)
    if (!group.values(metric.name).empty())
      evaluations.insert(group.rows.front()->at("evaluated_by").get<std::string>());
  const bool is_one_evaluation = evaluations.size() == 1;
  for (const ReportGroup& group : groups) {
    const Spread spread = spread_of(group, metric.name);
    if (!spread.is_known) continue;
    const bool has_seeds = spread.seeds >= 2;
    std::string label = group.label;
    // One plot's models are measured by one stage mostly: its name stands in no label then.
    const std::string by = " (" + group.rows.front()->at("evaluated_by").get<std::string>() + ")";
    if (is_one_evaluation && label.ends_with(by)) label.resize(label.size() - by.size());
    plot.groups.push_back(group.run.empty() ? label : label + " [" + group.run + "]");
    series.values.push_back(spread.mean);
    series.low.push_back(has_seeds ? spread.mean - spread.sd : spread.low);
    series.high.push_back(has_seeds ? spread.mean + spread.sd : spread.high);
  }
  if (plot.groups.empty() || plot.groups.size() > kMostBars) return "";
  plot.series = {series};
  return svg_plot(plot);
}

/// Label of the curve that a folder of training belongs to: seeds of the same stage and axes share
/// it.
std::map<std::string, std::string> curve_labels(const Json& report) {
  const AxisLabels labels(report);
  std::map<std::string, std::string> by_folder;
  for (const Json& work : report.at("work"))
    if (work.contains("folder"))
      by_folder[work.at("folder")] =
          work.at("stage").get<std::string>() + labels.of(work.at("axes")) +
          (work.contains("run") ? " [" + work.at("run").get<std::string>() + "]" : "");
  return by_folder;
}

/// Mean over seeds at every step, with the seeds' smallest and largest value.
PlotSeries over_seeds(const std::string& name,
                      const std::map<std::int64_t, std::vector<double>>& at) {
  PlotSeries series{.name = name, .x = {}, .y = {}};
  for (const auto& [step, values] : at) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    series.x.push_back(static_cast<double>(step));
    series.y.push_back(mean(values));
    series.low.push_back(*low);
    series.high.push_back(*high);
  }
  return series;
}

/// One metric of the folders in `folders`: a line for every stage and its axes, a band over seeds.
std::string curves(const std::vector<MetricsLine>& lines,
                   const std::map<std::string, std::string>& folders, const std::string& metric,
                   const std::string& title, const std::string& label) {
  constexpr std::size_t kMostCurves = 8;  // colours and dashes that can be told apart
  std::map<std::string, std::map<std::int64_t, std::vector<double>>> by_label;
  std::vector<std::string> order;
  for (const MetricsLine& line : lines) {
    const auto folder = folders.find(line.stage);
    if (folder == folders.end()) continue;
    for (const auto& [name, value] : line.values) {
      if (name != metric || !std::isfinite(value)) continue;
      if (!by_label.contains(folder->second)) order.push_back(folder->second);
      by_label[folder->second][line.step].push_back(value);
    }
  }
  LinePlot plot{
      .title = title, .x = {.label = "optimizer step"}, .y = {.label = label}, .series = {}};
  for (const std::string& name : order)
    if (plot.series.size() < kMostCurves) plot.series.push_back(over_seeds(name, by_label[name]));
  if (order.size() > kMostCurves)
    plot.title += message(" (first ", kMostCurves, " of ", order.size(), ")");
  return plot.series.empty() ? "" : svg_plot(plot);
}

/// The labels of the folders whose metrics have `metric`.
std::map<std::string, std::string> folders_with(const std::vector<MetricsLine>& lines,
                                                const std::map<std::string, std::string>& labels,
                                                const std::string& metric) {
  std::map<std::string, std::string> folders;
  for (const MetricsLine& line : lines)
    for (const auto& [name, value] : line.values)
      if (const auto label = labels.find(line.stage); name == metric && label != labels.end())
        folders.insert(*label);
  return folders;
}

}  // namespace

ReportPlots write_plots(const Json& report, const ReportGroups& groups,
                        const std::vector<MetricsLine>& lines, const std::filesystem::path& out) {
  ReportPlots plots;
  const auto into = [&](std::vector<std::string>& names) {
    return [&names, &out](const std::string& name, const std::string& svg) {
      if (svg.empty()) return;
      write_file_atomically(out / name, svg);
      names.push_back(name);
    };
  };
  const WritePlot write = into(plots.files);
  for (const ReportMetric& metric : report_metrics())
    for (const char* name : {"accuracy", "superfluous_steps", "preference_accuracy"})
      if (metric.name == name) write(metric.name + ".svg", bars(groups, metric));
  write_axis_curves(groups, write);
  write_heat_maps(groups, write);
  write_compute_plots(groups, write);
  write_seconds_plot(groups, into(plots.measured));
  const auto labels = curve_labels(report);
  const auto preference = folders_with(lines, labels, "train/rewards/margins");
  std::map<std::string, std::string> plain = folders_with(lines, labels, "train/nats_per_token");
  for (const auto& [folder, label] : preference) plain.erase(folder);
  write("training_loss.svg", curves(lines, plain, "train/nats_per_token",
                                    "Pretraining and fine-tuning", "nats per token"));
  write("preference_margin.svg",
        curves(lines, preference, "train/rewards/margins", "Preference tuning", "reward margin"));
  write("preference_accuracy_curve.svg",
        curves(lines, preference, "train/rewards/accuracies", "Preference tuning",
               "reward accuracy on training pairs"));
  return plots;
}

}  // namespace lldm
