// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <string_view>

#include "experiment/axis_labels.hpp"
#include "lldm/eval/statistics.hpp"
#include "report/report_table.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// Student's t at 0.975 for n - 1 degrees of freedom; the normal value from 31 seeds on.
double student(std::size_t n) {
  static constexpr std::array<double, 31> kQuantiles = {
      0,     0,     12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262,
      2.228, 2.201, 2.179,  2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
      2.080, 2.074, 2.069,  2.064, 2.060, 2.056, 2.052, 2.048, 2.045};
  return n < kQuantiles.size() ? kQuantiles[n] : 1.96;
}

Spread over_seeds(const std::vector<double>& values) {
  Spread spread;
  if (values.empty()) return spread;
  spread.is_known = true;
  spread.seeds = values.size();
  spread.mean = spread.low = spread.high = mean(values);
  if (values.size() >= 2) spread.sd = standard_deviation(values);
  return spread;
}

/// Half of Student's 95 % interval of the mean.
double student_half(const Spread& spread) {
  return spread.seeds < 2
             ? 0
             : student(spread.seeds) * spread.sd / std::sqrt(static_cast<double>(spread.seeds));
}

/// A metric of one row with the interval of its items, where it has one.
Spread over_items(const Json& row, const std::string& metric) {
  const Json& metrics = row.at("metrics");
  Spread spread;
  if (!metrics.contains(metric) || !metrics.at(metric).is_number()) return spread;
  spread.is_known = true;
  spread.seeds = 1;
  spread.mean = spread.low = spread.high = metrics.at(metric).get<double>();
  if (!metrics.contains(metric + "_low")) return spread;
  spread.has_interval = true;
  spread.low = metrics.at(metric + "_low").get<double>();
  spread.high = metrics.at(metric + "_high").get<double>();
  return spread;
}

using Pairs = std::vector<std::pair<const Json*, const Json*>>;

Spread over_pairs(const Pairs& all, const std::string& metric, ReportItems* items) {
  std::vector<double> differences;
  Pairs pairs;
  for (const auto& [mine, theirs] : all) {
    const Json &a = mine->at("metrics"), &b = theirs->at("metrics");
    if (!a.contains(metric) || !b.contains(metric)) continue;
    if (!a.at(metric).is_number() || !b.at(metric).is_number()) continue;
    differences.push_back(a.at(metric).get<double>() - b.at(metric).get<double>());
    pairs.emplace_back(mine, theirs);
  }
  Spread spread = over_seeds(differences);
  if (!spread.is_known) return spread;
  const auto interval = items ? items->paired_difference(pairs, metric) : std::nullopt;
  if (interval) {
    spread.low = interval->low;
    spread.high = interval->high;
    spread.has_interval = true;
  } else if (spread.seeds >= 2) {
    spread.low = spread.mean - student_half(spread);
    spread.high = spread.mean + student_half(spread);
    spread.has_interval = true;
  }
  return spread;
}

bool same(const Json& a, const Json& b, const char* key) { return a.at(key) == b.at(key); }

}  // namespace

std::vector<double> ReportGroup::values(const std::string& metric) const {
  std::vector<double> values;
  for (const Json* row : rows)
    if (const Json& metrics = row->at("metrics");
        metrics.contains(metric) && metrics.at(metric).is_number())
      values.push_back(metrics.at(metric).get<double>());
  return values;
}

bool Spread::excludes_zero() const {
  if (!has_interval || (low <= 0 && high >= 0)) return false;
  return seeds < 2 || std::abs(mean) > student_half(*this);
}

namespace {

void add_run(std::string& runs, const Json& row) {
  const auto run = row.value("run", std::string());
  if (run.empty() || (", " + runs + ", ").find(", " + run + ", ") != std::string::npos) return;
  runs += (runs.empty() ? "" : ", ") + run;
}

}  // namespace

ReportGroups group_rows(const Json& report) {
  static constexpr std::array<std::string_view, 6> kRoles = {"base",       "clean_sft", "start",
                                                             "preference", "control",   "none"};
  const Json& rows = report.at("rows");
  const AxisLabels labels(report);
  const auto items = std::make_shared<ReportItems>();
  ReportGroups groups;
  std::map<std::string, std::size_t> by_key;
  for (const Json& row : rows) {
    const std::string key = Json::array({row.at("stage"), row.at("axes"), row.at("evaluated_by"),
                                         row.value("settings", std::string())})
                                .dump();
    const auto [at, is_new] = by_key.emplace(key, groups.size());
    if (!is_new) {
      groups[at->second].rows.push_back(&row);
      add_run(groups[at->second].run, row);
      continue;
    }
    std::string label = row.at("stage").get<std::string>() + labels.of(row.at("axes"));
    if (!same(row, rows.front(), "evaluated_by"))
      label += " (" + row.at("evaluated_by").get<std::string>() + ")";
    groups.push_back({label,
                      row.at("stage"),
                      row.at("role"),
                      row.at("starts_from"),
                      row.value("estimator", ""),
                      {&row},
                      "",
                      items});
    add_run(groups.back().run, row);
  }
  const auto rank = [](const ReportGroup& group) {
    return std::find(kRoles.begin(), kRoles.end(), group.role);
  };
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const ReportGroup& a, const ReportGroup& b) { return rank(a) < rank(b); });
  return groups;
}

Spread spread_of(const ReportGroup& group, const std::string& metric) {
  if (group.rows.size() == 1) return over_items(*group.rows.front(), metric);
  return over_seeds(group.values(metric));
}

namespace {

/// Whether every axis of `start` has the same value in `row`: a start shared by many cells has
/// fewer axes than what was tuned from it.
bool is_of_same_cell(const Json& start, const Json& row) {
  for (const auto& [path, value] : start.at("axes").items())
    if (!row.at("axes").contains(path) || row.at("axes").at(path) != value) return false;
  return true;
}

std::vector<std::string> runs_of(const Json& row) {
  std::vector<std::string> runs;
  const std::string text = row.value("run", std::string());
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(", ", begin), text.size());
    runs.push_back(text.substr(begin, end - begin));
    begin = end + 2;
  }
  return runs;
}

bool is_of_same_run(const Json& a, const Json& b) {
  const std::vector<std::string> mine = runs_of(a), theirs = runs_of(b);
  return std::any_of(mine.begin(), mine.end(), [&](const std::string& run) {
    return std::find(theirs.begin(), theirs.end(), run) != theirs.end();
  });
}

/// The row that `row` starts from: of the same cell and seed; of another seed only where the start
/// does not vary with it.
const Json* start_of(const Json& row, const ReportGroups& groups) {
  std::vector<const Json*> candidates;
  for (const ReportGroup& group : groups)
    for (const Json* candidate : group.rows)
      if (candidate->at("stage") == row.at("starts_from") &&
          same(*candidate, row, "evaluated_by") && is_of_same_run(*candidate, row) &&
          is_of_same_cell(*candidate, row))
        candidates.push_back(candidate);
  for (const Json* candidate : candidates)
    if (same(*candidate, row, "seed")) return candidate;
  return candidates.size() == 1 ? candidates.front() : nullptr;
}

}  // namespace

Spread change_of(const ReportGroup& group, const ReportGroups& groups, const std::string& metric) {
  Pairs pairs;
  for (const Json* row : group.rows)
    if (const Json* start = start_of(*row, groups)) pairs.emplace_back(row, start);
  return over_pairs(pairs, metric, group.items.get());
}

Spread difference_of(const ReportGroup& group, const ReportGroup& other,
                     const std::string& metric) {
  Pairs pairs;
  for (const Json* row : group.rows)
    for (const Json* candidate : other.rows)
      if (same(*candidate, *row, "seed") && same(*candidate, *row, "evaluated_by") &&
          is_of_same_run(*candidate, *row))
        pairs.emplace_back(row, candidate);
  return over_pairs(pairs, metric, group.items.get());
}

}  // namespace lldm
