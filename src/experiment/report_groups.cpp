// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "experiment/report_labels.hpp"
#include "experiment/report_table.hpp"
#include "lldm/eval/statistics.hpp"

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
  spread.mean = spread.low = spread.high = mean(values);
  if (values.size() < 2) return spread;
  const double half = student(values.size()) * standard_deviation(values) /
                      std::sqrt(static_cast<double>(values.size()));
  spread.has_interval = true;
  spread.low = spread.mean - half;
  spread.high = spread.mean + half;
  return spread;
}

/// A metric of one row with the interval of its items, where it has one.
Spread over_items(const Json& row, const std::string& metric) {
  const Json& metrics = row.at("metrics");
  Spread spread;
  if (!metrics.contains(metric) || !metrics.at(metric).is_number()) return spread;
  spread.is_known = true;
  spread.mean = spread.low = spread.high = metrics.at(metric).get<double>();
  if (!metrics.contains(metric + "_low")) return spread;
  spread.has_interval = true;
  spread.low = metrics.at(metric + "_low").get<double>();
  spread.high = metrics.at(metric + "_high").get<double>();
  return spread;
}

/// One seed on each side: the items' intervals as if they were independent.  They are of the same
/// prompts, so the true interval is rather narrower.
Spread difference_of_items(const Spread& mine, const Spread& theirs) {
  Spread spread;
  spread.is_known = true;
  spread.mean = spread.low = spread.high = mine.mean - theirs.mean;
  if (!mine.has_interval || !theirs.has_interval) return spread;
  spread.has_interval = true;
  spread.low -= std::hypot(mine.mean - mine.low, theirs.high - theirs.mean);
  spread.high += std::hypot(mine.high - mine.mean, theirs.mean - theirs.low);
  return spread;
}

using Pairs = std::vector<std::pair<const Json*, const Json*>>;

Spread over_pairs(const Pairs& pairs, const std::string& metric) {
  if (pairs.size() == 1) {
    const Spread mine = over_items(*pairs.front().first, metric),
                 theirs = over_items(*pairs.front().second, metric);
    return mine.is_known && theirs.is_known ? difference_of_items(mine, theirs) : Spread();
  }
  std::vector<double> differences;
  for (const auto& [mine, theirs] : pairs) {
    const Json &a = mine->at("metrics"), &b = theirs->at("metrics");
    if (a.contains(metric) && b.contains(metric))
      differences.push_back(a.at(metric).get<double>() - b.at(metric).get<double>());
  }
  return over_seeds(differences);
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

std::vector<ReportGroup> group_rows(const Json& report) {
  static constexpr std::array<std::string_view, 6> kRoles = {"base",       "clean_sft", "start",
                                                             "preference", "control",   "none"};
  const Json& rows = report.at("rows");
  const AxisLabels labels(report);
  std::vector<ReportGroup> groups;
  for (const Json& row : rows) {
    const auto at = std::find_if(groups.begin(), groups.end(), [&](const ReportGroup& group) {
      const Json& known = *group.rows.front();
      return same(known, row, "stage") && same(known, row, "axes") &&
             same(known, row, "evaluated_by");
    });
    if (at != groups.end()) {
      at->rows.push_back(&row);
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
                      {&row}});
  }
  const auto rank = [](const ReportGroup& group) {
    return std::find(kRoles.begin(), kRoles.end(), group.role);
  };
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const ReportGroup& a, const ReportGroup& b) { return rank(a) < rank(b); });
  return groups;
}

namespace {

/// Student's interval knows nothing of a metric's range: shares lie in [0, 1], counts above 0.
Spread within_range(Spread spread, const std::string& metric) {
  const bool is_share = metric == "accuracy" || metric == "exact" || metric == "strict_match" ||
                        metric == "flexible_extract" || metric == "reward_accuracy" ||
                        metric.starts_with("preference_accuracy");
  if (is_share || metric == "superfluous_steps") spread.low = std::max(spread.low, 0.0);
  if (is_share) spread.high = std::min(spread.high, 1.0);
  return spread;
}

}  // namespace

Spread spread_of(const ReportGroup& group, const std::string& metric) {
  if (group.rows.size() == 1) return over_items(*group.rows.front(), metric);
  return within_range(over_seeds(group.values(metric)), metric);
}

namespace {

/// Whether every axis of `start` has the same value in `row`: a start shared by many cells has
/// fewer axes than what was tuned from it.
bool is_of_same_cell(const Json& start, const Json& row) {
  for (const auto& [path, value] : start.at("axes").items())
    if (!row.at("axes").contains(path) || row.at("axes").at(path) != value) return false;
  return true;
}

/// The row that `row` starts from: of the same cell and seed; of another seed only where the start
/// does not vary with it.
const Json* start_of(const Json& row, const std::vector<ReportGroup>& groups) {
  std::vector<const Json*> candidates;
  for (const ReportGroup& group : groups)
    for (const Json* candidate : group.rows)
      if (candidate->at("stage") == row.at("starts_from") &&
          same(*candidate, row, "evaluated_by") && is_of_same_cell(*candidate, row))
        candidates.push_back(candidate);
  for (const Json* candidate : candidates)
    if (same(*candidate, row, "seed")) return candidate;
  return candidates.size() == 1 ? candidates.front() : nullptr;
}

}  // namespace

Spread change_of(const ReportGroup& group, const std::vector<ReportGroup>& groups,
                 const std::string& metric) {
  Pairs pairs;
  for (const Json* row : group.rows)
    if (const Json* start = start_of(*row, groups)) pairs.emplace_back(row, start);
  return over_pairs(pairs, metric);
}

Spread difference_of(const ReportGroup& group, const ReportGroup& other,
                     const std::string& metric) {
  Pairs pairs;
  for (const Json* row : group.rows)
    for (const Json* candidate : other.rows)
      if (same(*candidate, *row, "seed") && same(*candidate, *row, "evaluated_by"))
        pairs.emplace_back(row, candidate);
  return over_pairs(pairs, metric);
}

}  // namespace lldm
