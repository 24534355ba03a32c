// SPDX-License-Identifier: MIT
// Rows of a report.json put together to the lines of its tables.
#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "report/line_labels.hpp"
#include "report/report_table.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// Rows of equal settings are of one line, whatever the axes of the run that measured them; a
/// study's rows are one for every estimator and budget.
std::string key_of(const Json& row) {
  const auto settings = row.value("settings", std::string());
  Json axes = settings.empty() ? row.at("axes") : Json::object();
  if (!settings.empty())
    for (const char* path : {"score_estimator", "budget"})
      if (row.at("axes").contains(path)) axes[path] = row.at("axes").at(path);
  return Json::array({row.at("stage"), axes, row.at("evaluated_by"), settings}).dump();
}

void add_runs(std::string& runs, const Json& row) {
  for (const Json& run : row.value("runs", Json::array())) {
    const auto name = run.get<std::string>();
    if ((", " + runs + ", ").find(", " + name + ", ") == std::string::npos)
      runs += (runs.empty() ? "" : ", ") + name;
  }
}

void name_lines(ReportGroups& groups) {
  std::vector<LineOf> lines;
  for (const ReportGroup& group : groups)
    lines.push_back(
        {group.stage, group.axes, group.rows.front()->at("evaluated_by").get<std::string>()});
  const std::vector<std::string> labels = line_labels(lines);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const bool is_alone = std::count(labels.begin(), labels.end(), labels[g]) == 1;
    groups[g].label = labels[g];
    groups[g].name =
        labels[g] + (is_alone || groups[g].run.empty() ? "" : " [" + groups[g].run + "]");
  }
}

}  // namespace

ReportGroups group_rows(const Json& report) {
  static constexpr std::array<std::string_view, 6> kRoles = {"base",       "clean_sft", "start",
                                                             "preference", "control",   "none"};
  const auto items = std::make_shared<ReportItems>();
  ReportGroups groups;
  std::map<std::string, std::size_t> by_key;
  for (const Json& row : report.at("rows")) {
    const auto [at, is_new] = by_key.emplace(key_of(row), groups.size());
    if (is_new) {
      ReportGroup group{.label = "",
                        .stage = row.at("stage"),
                        .role = row.at("role"),
                        .starts_from = row.at("starts_from"),
                        .estimator = row.value("estimator", ""),
                        .rows = {}};
      group.axes = row.at("axes");
      group.items = items;
      groups.push_back(std::move(group));
    }
    ReportGroup& group = groups[at->second];
    group.rows.push_back(&row);
    group.axes = common_axes(group.axes, row.at("axes"));
    add_runs(group.run, row);
  }
  // Sums are the same whatever order the rows were found in.
  for (ReportGroup& group : groups)
    std::stable_sort(group.rows.begin(), group.rows.end(), [](const Json* a, const Json* b) {
      const auto order = [](const Json& row) {
        return std::pair(row.at("seed").get<std::int64_t>(), row.value("hash", std::string()));
      };
      return order(*a) < order(*b);
    });
  const auto rank = [](const ReportGroup& group) {
    return std::find(kRoles.begin(), kRoles.end(), group.role);
  };
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const ReportGroup& a, const ReportGroup& b) { return rank(a) < rank(b); });
  name_lines(groups);
  return groups;
}

}  // namespace lldm
