// SPDX-License-Identifier: MIT
// The tables of a report, and what they say in words.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lldm/render/table.hpp"
#include "report/report_items.hpp"
#include "report/spread.hpp"

namespace lldm {

struct ReportTable {
  std::string title;
  Table table;
  std::string note;
};

/// One line of a comparison: rows of equal stage and settings, over seeds, in the seeds' order.
/// Groups stand in the order base, start, preference, control.
struct ReportGroup {
  std::string label;  // the stage and what tells it from the stage's other lines
  std::string stage, role, starts_from, estimator;
  std::vector<const ReportRow*> rows;
  std::string run = "";        // of a report over several folders: the rows' runs
  std::string name = "";       // the label, with the run where another line has the same
  std::string seeds = "";      // "seed=1": part of the label where other seeds have another line
  Axes axes = Axes::object();  // that all rows have alike
  std::shared_ptr<ReportItems> items = nullptr;

  [[nodiscard]] std::vector<double> values(
      const std::string& metric) const;  // one a seed, those that have it
};
using ReportGroups = std::vector<ReportGroup>;
/// `rows` must outlive the groups.  `failed`: what has no rows, and yet says which axes differ.
ReportGroups group_rows(const std::vector<ReportRow>& rows,
                        const std::vector<ReportWork>& failed = {});

/// The groups that are wanted; where one stage measured all of them, or what is shown is of their
/// training, their labels do not name it.
ReportGroups lines_where(const ReportGroups& groups,
                         const std::function<bool(const ReportGroup&)>& is_wanted,
                         bool are_of_training = false);
/// Those that have one of the metrics.
ReportGroups lines_with(const ReportGroups& groups, const std::vector<std::string>& metrics,
                        bool are_of_training = false);

bool any_has(const ReportGroups& groups, const std::string& metric);

/// Whether the groups' rows of the metric hold a figure that is not finite, and of which seeds.
std::string not_finite_of(const ReportGroup& group, const std::string& metric);

/// What was measured, and after it the trained models that nothing measured.
ReportGroups with_unmeasured(const ReportGroups& measured, const ReportGroups& trained);

/// Models by their results (means and standard deviations over seeds), estimators by how noisy they
/// are, pairs, training; only those that the report has rows for.  None holds a time.
/// `trained`: what training stages report, whether their models were measured or not.
std::vector<ReportTable> report_tables(const ReportGroups& measured,
                                       const ReportGroups& trained = {});

/// Of the training stages' own; without rows where nothing was tuned by preference, or trained.
ReportTable estimator_table(const ReportGroups& measured, const ReportGroups& trained);
ReportTable training_table(const ReportGroups& measured, const ReportGroups& trained);
ReportTable study_table(const ReportGroups& groups);

/// What it cost on this machine: seconds and memory.  No rows if nothing was trained.
ReportTable costs_table(const ReportGroups& measured, const ReportGroups& trained);

/// What preference tuning changed, what it cost, and what the controls do as well or better:
/// sentences that the intervals carry, and where they carry none, that.
std::string findings(const ReportGroups& groups);

/// Mean over the rows' seeds; interval: with one seed the items' (Wilson's of a share, else the
/// bootstrap's).
Spread spread_of(const ReportGroup& group, const std::string& metric);
/// The same for the difference to the group that each row starts from, same seed and cell;
/// interval: paired bootstrap over items with an exact test, where they are held; else Student's
/// over the seeds' differences, and `why`.
Spread change_of(const ReportGroup& group, const ReportGroups& groups, const std::string& metric);
/// The same for the difference to another group.
Spread difference_of(const ReportGroup& group, const ReportGroup& other, const std::string& metric);

}  // namespace lldm
