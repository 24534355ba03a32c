// SPDX-License-Identifier: MIT
#include "report/plot_sink.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// Groups whose figures are an estimator's doing: tuned models and the rows of a study.
bool is_of_estimator(const ReportGroup& group) {
  return !group.estimator.empty() && (group.role == "preference" || group.axes.contains("budget"));
}

/// "500 items each", "400 to 500 items"; "" where none counts them.
std::string items_text(const std::vector<const ReportGroup*>& groups, const std::string& metric) {
  std::set<double> items;
  for (const ReportGroup* group : groups)
    for (const ReportRow* row : group->rows)
      if (const Figure* figure = row->find(metric);
          figure && figure->items && std::isfinite(*figure->items))
        items.insert(*figure->items);
  if (items.empty()) return "";
  const auto whole = [](double count) { return std::to_string(std::llround(count)); };
  return ", " + whole(*items.begin()) +
         (items.size() > 1 ? " to " + whole(*items.rbegin()) : std::string()) +
         (is_of_held_out_pairs(metric) ? " pairs" : " items") + (items.size() > 1 ? "" : " each");
}

}  // namespace

ReportStyles::ReportStyles(const ReportGroups& groups) {
  std::set<std::string> estimators;
  for (const ReportGroup& group : groups)
    if (is_of_estimator(group)) estimators.insert(group.estimator);
  are_several_ = estimators.size() > 1;
  if (are_several_)
    for (const std::string& estimator : estimators) colours_.emplace(estimator, colours_.size());
}

std::string ReportStyles::key_of(const ReportGroup& group) const {
  return are_several_ && is_of_estimator(group) ? group.estimator : group.label;
}

PlotStyle ReportStyles::of(const std::string& key, const std::string& name) {
  const std::size_t colour = colours_.emplace(key, colours_.size()).first->second;
  auto& patterns = patterns_[key];
  return {colour, colour + patterns.emplace(name, patterns.size()).first->second};
}

PlotScale scale_of(const std::vector<double>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return *low > 0 && *high >= 8 * *low ? PlotScale::logarithmic : PlotScale::linear;
}

std::vector<PlotPart> plot_parts(std::size_t count, std::size_t most) {
  std::vector<PlotPart> parts;
  const std::size_t plots = (count + most - 1) / most;
  for (std::size_t p = 0; p < plots; ++p)
    parts.push_back({p * count / plots, (p + 1) * count / plots,
                     plots > 1 ? message(" (", p + 1, " of ", plots, ")") : "",
                     plots > 1 ? message("_", p + 1) : ""});
  return parts;
}

std::string seeds_text(const std::set<std::size_t>& counts, const std::set<std::int64_t>& seeds) {
  std::string names;
  for (const std::int64_t seed : seeds) names += (names.empty() ? "" : ", ") + std::to_string(seed);
  std::string text = message("n: ", *counts.begin());
  if (counts.size() > 1) text += message(" to ", *counts.rbegin());
  text += *counts.rbegin() == 1 ? " seed" : " seeds";
  return text + (seeds.size() > *counts.rbegin() ? " each (" : " (") + names + ")";
}

std::string sizes_text(const std::vector<const ReportGroup*>& groups, const std::string& metric) {
  std::set<std::int64_t> seeds;
  std::set<std::size_t> counts;
  for (const ReportGroup* group : groups) {
    const std::size_t count = group->values(metric).size();
    if (count == 0) continue;
    counts.insert(count);
    for (const ReportRow* row : group->rows)
      if (row->find(metric)) seeds.insert(row->seed);
  }
  return counts.empty() ? "" : seeds_text(counts, seeds) + items_text(groups, metric);
}

std::vector<std::string> not_finite_notes(const std::vector<const ReportGroup*>& groups,
                                          const std::string& metric) {
  std::vector<std::string> notes;
  for (const ReportGroup* group : groups)
    if (const std::string why = not_finite_of(*group, metric); !why.empty())
      notes.push_back(message("not drawn: ", group->name, " is nan (", why, ")"));
  return notes;
}

}  // namespace lldm
