// SPDX-License-Identifier: MIT
// The tables of a report, and what they say in words.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lldm/render/table.hpp"
#include "report/report_items.hpp"

namespace lldm {

struct ReportTable {
  std::string title;
  Table table;
  std::string note;
};

/// A mean with what is known of its uncertainty.  Without an interval low = high = mean.
struct Spread {
  double mean = 0, low = 0, high = 0;
  double sd = 0;          // over seeds, with two or more
  std::size_t seeds = 0;  // rows, or pairs of rows, that it is of
  bool is_known = false, has_interval = false;

  /// The interval excludes zero and, with several seeds, so does Student's over them.
  [[nodiscard]] bool excludes_zero() const;
};

/// One line of a comparison: rows of equal stage, axes and settings, over seeds.  In the order
/// base, start, preference, control.
struct ReportGroup {
  std::string label;
  std::string stage, role, starts_from, estimator;
  std::vector<const nlohmann::ordered_json*> rows;
  std::string run = "";  // of a report over several folders: the rows' runs
  std::shared_ptr<ReportItems> items = nullptr;

  [[nodiscard]] std::vector<double> values(
      const std::string& metric) const;  // one a seed, those that have it
};
using ReportGroups = std::vector<ReportGroup>;
/// `report` must outlive the groups.
ReportGroups group_rows(const nlohmann::ordered_json& report);

/// Models by their results (means and standard deviations over seeds), estimators by how noisy they
/// are, pairs; only those that the report has rows for.  None holds a time.
std::vector<ReportTable> report_tables(const ReportGroups& groups);

/// What it cost on this machine: seconds and memory.  No rows if nothing was trained.
ReportTable costs_table(const ReportGroups& groups);

/// What preference tuning changed, what it cost, and what the controls do as well or better:
/// sentences that the intervals carry, and where they carry none, that.
std::string findings(const ReportGroups& groups);

/// Mean over the rows' seeds; interval: with one seed the items' (bootstrap).
Spread spread_of(const ReportGroup& group, const std::string& metric);
/// The same for the difference to the group that each row starts from, same seed and cell;
/// interval: paired bootstrap over items, where they are held; else Student's over the seeds'
/// differences.
Spread change_of(const ReportGroup& group, const ReportGroups& groups, const std::string& metric);
/// The same for the difference to another group.
Spread difference_of(const ReportGroup& group, const ReportGroup& other, const std::string& metric);

}  // namespace lldm
