// SPDX-License-Identifier: MIT
// Rows of a report.json put together to the lines of its tables.
#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <tuple>

#include "report/line_labels.hpp"
#include "report/report_table.hpp"

namespace lldm {
namespace {

/// Rows of equal settings are of one line, whatever the axes of the run that measured them; a
/// study's rows are one for every estimator and budget.
std::string key_of(const ReportRow& row) {
  Axes axes = row.settings.empty() ? row.axes : Axes::object();
  if (!row.settings.empty())
    for (const char* path : {"score_estimator", "budget"})
      if (row.axes.contains(path)) axes[path] = row.axes.at(path);
  return Axes::array({row.stage, row.role, axes, row.evaluated_by, row.settings}).dump();
}

void add_runs(std::string& runs, const ReportRow& row) {
  for (const std::string& run : row.runs)
    if ((", " + runs + ", ").find(", " + run + ", ") == std::string::npos)
      runs += (runs.empty() ? "" : ", ") + run;
}

/// "seed=1", "seeds=1,2".
std::string seeds_of(const ReportGroup& group) {
  std::string seeds;
  for (const ReportRow* row : group.rows)
    seeds += (seeds.empty() ? "" : ",") + std::to_string(row->seed);
  return (group.rows.size() > 1 ? "seeds=" : "seed=") + seeds;
}

/// Says the seeds of lines that read alike within a run: of other settings, so that they are not
/// averaged, though their axes are the same.
void name_seeds(ReportGroups& groups, const std::vector<std::string>& labels) {
  for (std::size_t a = 0; a < groups.size(); ++a)
    for (std::size_t b = a + 1; b < groups.size(); ++b) {
      if (labels[a] != labels[b] || groups[a].run != groups[b].run) continue;
      if (seeds_of(groups[a]) == seeds_of(groups[b])) continue;
      for (std::size_t g = 0; g < groups.size(); ++g)
        if (labels[g] == labels[a]) groups[g].seeds = seeds_of(groups[g]);
    }
}

void name_lines(ReportGroups& groups, const std::vector<ReportWork>& failed) {
  std::vector<LineOf> lines;
  for (const ReportGroup& group : groups)
    lines.push_back({group.stage, group.axes, group.rows.front()->evaluated_by});
  for (const ReportWork& work : failed) {
    const bool is_training = work.model.empty();
    lines.push_back(
        {is_training ? work.stage : work.model, work.axes, is_training ? "" : work.stage});
  }
  name_seeds(groups, line_labels(lines));
  for (std::size_t g = 0; g < groups.size(); ++g) lines[g].seeds = groups[g].seeds;
  std::vector<std::string> labels = line_labels(lines);
  labels.resize(groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const bool is_alone = std::count(labels.begin(), labels.end(), labels[g]) == 1;
    groups[g].label = labels[g];
    groups[g].name =
        labels[g] + (is_alone || groups[g].run.empty() ? "" : " [" + groups[g].run + "]");
  }
}

}  // namespace

ReportGroups group_rows(const std::vector<ReportRow>& rows, const std::vector<ReportWork>& failed) {
  static constexpr std::array<std::string_view, 6> kRoles = {"base",       "clean_sft", "start",
                                                             "preference", "control",   "none"};
  const auto items = std::make_shared<ReportItems>();
  ReportGroups groups;
  std::map<std::string, std::size_t> by_key;
  for (const ReportRow& row : rows) {
    const auto [at, is_new] = by_key.emplace(key_of(row), groups.size());
    if (is_new) {
      ReportGroup group{.label = "",
                        .stage = row.stage,
                        .role = row.role,
                        .starts_from = row.starts_from,
                        .estimator = row.estimator,
                        .rows = {}};
      group.axes = row.axes;
      group.items = items;
      groups.push_back(std::move(group));
    }
    ReportGroup& group = groups[at->second];
    group.rows.push_back(&row);
    group.axes = common_axes(group.axes, row.axes);
    add_runs(group.run, row);
  }
  // Sums are the same whatever order the rows were found in.
  for (ReportGroup& group : groups)
    std::stable_sort(group.rows.begin(), group.rows.end(),
                     [](const ReportRow* a, const ReportRow* b) {
                       return std::tie(a->seed, a->hash) < std::tie(b->seed, b->hash);
                     });
  const auto rank = [](const ReportGroup& group) {
    return std::find(kRoles.begin(), kRoles.end(), group.role);
  };
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const ReportGroup& a, const ReportGroup& b) { return rank(a) < rank(b); });
  name_lines(groups, failed);
  return groups;
}

}  // namespace lldm
