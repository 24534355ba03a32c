// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <set>

#include "lldm/errors.hpp"
#include "report/line_labels.hpp"
#include "report/report_plots.hpp"

namespace lldm {
namespace {

/// The curve of a stage and its axes: a folder of training for every seed.
struct CurveOf {
  std::string label, key;  // key: of its colour
  std::optional<std::int64_t> seed;
};
using Folders = std::map<std::string, CurveOf>;

/// The seeds that the label of a model's line names; of a model that was not measured its own,
/// where other lines of the report name theirs.
std::string seeds_of(const ReportWork& work, const ReportGroups& groups) {
  bool are_apart = false;
  for (const ReportGroup& group : groups) {
    are_apart = are_apart || !group.seeds.empty();
    for (const ReportRow* row : group.rows)
      if (!work.hash.empty() && row->model_hash == work.hash) return group.seeds;
  }
  return are_apart && work.seed ? "seed=" + std::to_string(*work.seed) : "";
}

Folders curves_of(const ReportData& data, const ReportGroups& groups, const ReportStyles& styles) {
  std::map<std::string, std::string> keys;  // by the model's hash
  for (const ReportGroup& group : groups)
    for (const ReportRow* row : group.rows) keys.emplace(row->model_hash, styles.key_of(group));
  const std::vector<ReportWork>& all = data.work;
  std::vector<LineOf> lines;
  for (const ReportWork& work : all)
    lines.push_back({work.stage, work.axes, "", seeds_of(work, groups)});
  for (const ReportWork& work : data.failed)
    if (work.model.empty()) lines.push_back({work.stage, work.axes});
  const std::vector<std::string> labels = line_labels(lines);
  std::map<std::string, std::set<std::string>> runs;  // that read alike, by label
  for (std::size_t i = 0; i < all.size(); ++i) runs[labels[i]].insert(all[i].run);
  Folders by_folder;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool is_alone = runs[labels[i]].size() == 1;
    const std::string label = labels[i] + (is_alone ? "" : " [" + all[i].run + "]");
    const auto key = all[i].hash.empty() ? keys.end() : keys.find(all[i].hash);
    by_folder[all[i].folder] = {label, key == keys.end() ? label : key->second, all[i].seed};
  }
  return by_folder;
}

/// What was logged of one metric under one label.
struct Curve {
  const CurveOf* of;
  std::set<std::int64_t> seeds;
  std::map<std::int64_t, std::vector<double>> at;  // by step
  std::size_t lost = 0;                            // values that are no number
};

std::vector<Curve> collect(const std::vector<MetricsLine>& lines, const Folders& folders,
                           const std::string& metric) {
  std::vector<Curve> curves;
  for (const MetricsLine& line : lines) {
    const auto folder = folders.find(line.stage);
    if (folder == folders.end()) continue;
    const CurveOf& of = folder->second;
    for (const auto& [name, value] : line.values) {
      if (name != metric) continue;
      auto curve = std::find_if(curves.begin(), curves.end(),
                                [&](const Curve& c) { return c.of->label == of.label; });
      if (curve == curves.end()) curve = curves.insert(curves.end(), {&of, {}, {}});
      if (of.seed) curve->seeds.insert(*of.seed);
      if (std::isfinite(value))
        curve->at[line.step].push_back(value);
      else
        ++curve->lost;
    }
  }
  return curves;
}

/// Mean over seeds at every step, with the seeds' smallest and largest value.
PlotSeries over_seeds(const Curve& curve, PlotStyle style) {
  PlotSeries series{.name = curve.of->label, .x = {}, .y = {}};
  series.style = style;
  for (const auto& [step, values] : curve.at) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    series.x.push_back(static_cast<double>(step));
    series.y.push_back(mean(values));
    series.low.push_back(*low);
    series.high.push_back(*high);
  }
  return series;
}

/// One metric of the folders: a line for every stage and its axes, a band over seeds; as many plots
/// as the lines need.
void write_curves(std::vector<Curve> curves, const std::string& file, const LinePlot& empty,
                  PlotSink& sink) {
  constexpr std::size_t kMostCurves = 8;  // colours and dashes that can be told apart
  std::vector<std::string> notes;
  for (const Curve& curve : curves)
    if (curve.lost > 0)
      notes.push_back(
          message(curve.of->label, ": ", curve.lost, " logged values are not finite, not drawn"));
  std::erase_if(curves, [](const Curve& curve) { return curve.at.empty(); });
  if (curves.empty())
    for (const std::string& note : notes) sink.notes.push_back(empty.title + ": " + note);
  for (const PlotPart& part : plot_parts(curves.size(), kMostCurves)) {
    LinePlot plot = empty;
    plot.notes = notes;
    std::set<std::int64_t> seeds;
    std::set<std::size_t> counts;
    for (std::size_t c = part.first; c < part.last; ++c) {
      const Curve& curve = curves[c];
      plot.series.push_back(over_seeds(curve, sink.styles.of(curve.of->key, curve.of->label)));
      seeds.insert(curve.seeds.begin(), curve.seeds.end());
      counts.insert(curve.seeds.size());
    }
    plot.notes.push_back(seeds_text(counts, seeds) + "; the batch of each logged step");
    plot.title += part.title;
    sink.write(file + part.file + ".svg", svg_plot(plot));
  }
}

LinePlot empty_plot(const char* title, const char* label) {
  return {.title = title, .x = {.label = "optimizer step"}, .y = {.label = label}, .series = {}};
}

}  // namespace

void write_learning_curves(const ReportData& data, const ReportGroups& groups, PlotSink& sink) {
  constexpr const char *kMargins = "train/rewards/margins", *kNats = "train/nats_per_token";
  const Folders preference = curves_of(data, groups, sink.styles);
  Folders plain = preference;
  for (const MetricsLine& line : data.lines)
    for (const auto& [name, value] : line.values)
      if (name == kMargins) plain.erase(line.stage);
  write_curves(collect(data.lines, plain, kNats), "training_loss",
               empty_plot("Pretraining and fine-tuning", "nats per token"), sink);
  write_curves(collect(data.lines, preference, kMargins), "preference_margin",
               empty_plot("Preference tuning", "reward margin"), sink);
  write_curves(collect(data.lines, preference, "train/rewards/accuracies"),
               "preference_accuracy_curve",
               empty_plot("Preference tuning", "reward accuracy on training pairs"), sink);
}

}  // namespace lldm
