// SPDX-License-Identifier: MIT
#include "report/report_plots.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <set>

#include "lldm/errors.hpp"
#include "lldm/eval/statistics.hpp"
#include "lldm/render/svg_plot.hpp"
#include "lldm/storage/files.hpp"
#include "report/line_labels.hpp"
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
  const std::size_t plots = (shown.size() + kMostBars - 1) / kMostBars;
  for (std::size_t p = 0; p < plots; ++p) {
    const auto first = static_cast<std::ptrdiff_t>(p * shown.size() / plots),
               last = static_cast<std::ptrdiff_t>((p + 1) * shown.size() / plots);
    BarPlot plot = bars_of({shown.begin() + first, shown.begin() + last}, metric, sink.styles);
    const std::vector<double>& values = plot.series.front().values;
    if (std::none_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); })) {
      sink.notes.insert(sink.notes.end(), plot.notes.begin(), plot.notes.end());
      continue;
    }
    if (plots > 1) plot.title += message(" (", p + 1, " of ", plots, ")");
    sink.write(plots > 1 ? message(metric.name, "_", p + 1, ".svg") : metric.name + ".svg",
               svg_plot(plot));
  }
}

/// The curve that a folder of training belongs to: seeds of the same stage and axes share it.
struct CurveOf {
  std::string label;
  std::string key;  // of its colour
  std::string seed;
};

std::map<std::string, CurveOf> curves_of(const std::vector<ReportWork>& all,
                                         const ReportGroups& groups, const ReportStyles& styles) {
  std::map<std::string, std::string> keys;  // by the model's hash
  for (const ReportGroup& group : groups)
    for (const ReportRow* row : group.rows) keys.emplace(row->model_hash, styles.key_of(group));
  std::vector<LineOf> lines;
  for (const ReportWork& work : all) lines.push_back({work.stage, work.axes});
  const std::vector<std::string> labels = line_labels(lines);
  std::map<std::string, std::set<std::string>> runs;  // that read alike, by label
  for (std::size_t i = 0; i < all.size(); ++i) runs[labels[i]].insert(all[i].run);
  std::map<std::string, CurveOf> by_folder;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const ReportWork& work = all[i];
    const std::string label = labels[i] + (runs[labels[i]].size() > 1 ? " [" + work.run + "]" : "");
    const auto key = work.hash.empty() ? keys.end() : keys.find(work.hash);
    by_folder[work.folder] = {label, key == keys.end() ? label : key->second,
                              work.seed ? std::to_string(*work.seed) : ""};
  }
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

using Folders = std::map<std::string, CurveOf>;

/// One metric of the folders in `folders`: a line for every stage and its axes, a band over seeds;
/// as many plots as the lines need.
void write_training(const std::vector<MetricsLine>& lines, const Folders& folders,
                    const std::string& metric, const std::string& file, const LinePlot& empty,
                    PlotSink& sink) {
  constexpr std::size_t kMostCurves = 8;  // colours and dashes that can be told apart
  std::map<std::string, std::map<std::int64_t, std::vector<double>>> by_label;
  std::map<std::string, std::set<std::string>> seeds;
  std::map<std::string, std::size_t> lost;  // values that are no number
  std::vector<const CurveOf*> order;
  for (const MetricsLine& line : lines) {
    const auto folder = folders.find(line.stage);
    if (folder == folders.end()) continue;
    for (const auto& [name, value] : line.values) {
      if (name != metric) continue;
      const CurveOf& curve = folder->second;
      if (!seeds.contains(curve.label)) order.push_back(&curve);
      seeds[curve.label].insert(curve.seed);
      if (std::isfinite(value))
        by_label[curve.label][line.step].push_back(value);
      else
        ++lost[curve.label];
    }
  }
  std::vector<std::string> notes;
  for (const auto& [label, count] : lost)
    notes.push_back(message(label, ": ", count, " logged values are not finite, not drawn"));
  std::erase_if(order, [&](const CurveOf* curve) { return !by_label.contains(curve->label); });
  const std::size_t plots = (order.size() + kMostCurves - 1) / kMostCurves;
  if (plots == 0)
    for (const std::string& note : notes) sink.notes.push_back(empty.title + ": " + note);
  for (std::size_t p = 0; p < plots; ++p) {
    LinePlot plot = empty;
    plot.notes = notes;
    std::set<std::string> shown;
    const std::size_t first = p * order.size() / plots, last = (p + 1) * order.size() / plots;
    for (std::size_t c = first; c < last; ++c) {
      plot.series.push_back(over_seeds(order[c]->label, by_label[order[c]->label]));
      plot.series.back().style = sink.styles.of(order[c]->key, order[c]->label);
      shown.insert(seeds[order[c]->label].begin(), seeds[order[c]->label].end());
    }
    std::string text;
    for (const std::string& seed : shown) text += (text.empty() ? "" : ", ") + seed;
    plot.notes.push_back(message("n: ", shown.size(), shown.size() == 1 ? " seed (" : " seeds (",
                                 text, "); the batch of each logged step"));
    if (plots > 1) plot.title += message(" (", p + 1, " of ", plots, ")");
    sink.write(plots > 1 ? message(file, "_", p + 1, ".svg") : file + ".svg", svg_plot(plot));
  }
}

/// The folders whose metrics have `metric`.
Folders folders_with(const std::vector<MetricsLine>& lines, const Folders& all,
                     const std::string& metric) {
  Folders folders;
  for (const MetricsLine& line : lines)
    for (const auto& [name, value] : line.values)
      if (const auto folder = all.find(line.stage); name == metric && folder != all.end())
        folders.insert(*folder);
  return folders;
}

LinePlot empty_plot(const char* title, const char* label) {
  return {.title = title, .x = {.label = "optimizer step"}, .y = {.label = label}, .series = {}};
}

}  // namespace

ReportPlots write_plots(const ReportData& data, const ReportGroups& groups,
                        const std::filesystem::path& out) {
  const std::vector<MetricsLine>& lines = data.lines;
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
  const Folders folders = curves_of(data.work, groups, styles);
  const Folders preference = folders_with(lines, folders, "train/rewards/margins");
  Folders plain = folders_with(lines, folders, "train/nats_per_token");
  for (const auto& [folder, curve] : preference) plain.erase(folder);
  write_training(lines, plain, "train/nats_per_token", "training_loss",
                 empty_plot("Pretraining and fine-tuning", "nats per token"), sink);
  write_training(lines, preference, "train/rewards/margins", "preference_margin",
                 empty_plot("Preference tuning", "reward margin"), sink);
  write_training(lines, preference, "train/rewards/accuracies", "preference_accuracy_curve",
                 empty_plot("Preference tuning", "reward accuracy on training pairs"), sink);
  return plots;
}

}  // namespace lldm
