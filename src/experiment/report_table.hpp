// SPDX-License-Identifier: MIT
// The tables of a report, and what they say in words.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lldm/experiment/table.hpp"

namespace lldm {

struct ReportTable {
  std::string title;
  Table table;
  std::string note;
};

/// Models by their results (means over seeds with the interval of items and seeds), estimators by
/// what they cost and how noisy they are, and held-out pairs; only those that the report has rows
/// for.
std::vector<ReportTable> report_tables(const nlohmann::ordered_json& report);

/// What preference tuning changed, what it cost, and what the controls do as well or better:
/// sentences that the intervals carry, and where they carry none, that.
std::string findings(const nlohmann::ordered_json& report);

/// One line of a comparison: rows of equal stage and axes, over seeds.  In the order base, start,
/// preference, control.
struct ReportGroup {
  std::string label;
  std::string stage, role, starts_from, estimator;
  std::vector<const nlohmann::ordered_json*> rows;

  [[nodiscard]] std::vector<double> values(
      const std::string& metric) const;  // one a seed, those that have it
};
std::vector<ReportGroup> group_rows(const nlohmann::ordered_json& report);

/// A mean and its 95 % interval; without one (two values are too few items, or a metric without
/// items) low = high = mean.
struct Spread {
  double mean = 0, low = 0, high = 0;
  bool is_known = false, has_interval = false;
};
/// Mean over the rows' seeds; interval: mean +- t(0.975, n - 1) s / sqrt(n) for two seeds or more,
/// the item bootstrap's for one.
Spread spread_of(const ReportGroup& group, const std::string& metric);
/// The same for the difference to the group that each row starts from, paired by seed; with one
/// seed the items' intervals are combined as if independent.
Spread change_of(const ReportGroup& group, const std::vector<ReportGroup>& groups,
                 const std::string& metric);
/// The same for the difference to another group.
Spread difference_of(const ReportGroup& group, const ReportGroup& other, const std::string& metric);

}  // namespace lldm
