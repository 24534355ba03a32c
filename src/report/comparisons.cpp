// SPDX-License-Identifier: MIT
// Figures of a report's lines, and their differences seed by seed.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

#include "lldm/errors.hpp"
#include "lldm/eval/paired_test.hpp"
#include "lldm/eval/statistics.hpp"
#include "report/line_labels.hpp"
#include "report/report_table.hpp"

namespace lldm {
namespace {

bool are_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

Spread over_seeds(const std::vector<double>& values) {
  Spread spread;
  if (values.empty()) return spread;
  spread.is_known = true;
  spread.seeds = values.size();
  spread.mean = mean(values);
  if (!are_finite(values) && !std::isinf(spread.mean))
    spread.mean = std::numeric_limits<double>::quiet_NaN();
  spread.low = spread.high = spread.mean;
  if (values.size() < 2 || !are_finite(values)) return spread;
  spread.sd = standard_deviation(values);
  if (spread.sd < 1e-12 * std::abs(spread.mean)) spread.sd = 0;  // seeds that say the same
  return spread;
}

void set_interval(Spread& spread, const Interval& interval, IntervalKind kind) {
  spread.low = interval.low;
  spread.high = interval.high;
  spread.kind = kind;
  spread.has_interval = true;
}

/// A metric of one row with the interval of its items, where it has one.
Spread over_items(const std::string& metric, const Figure& figure) {
  const double value = figure.value;
  Spread spread = over_seeds({value});
  if (!std::isfinite(value)) return spread;
  if (is_share(metric) && figure.items >= 1 && value >= 0 && value <= 1)
    set_interval(spread, wilson_interval(value * *figure.items, std::llround(*figure.items)),
                 IntervalKind::wilson);
  else if (figure.interval)
    set_interval(
        spread, *figure.interval,
        figure.interval_name == "Student" ? IntervalKind::student : IntervalKind::bootstrap);
  else if (figure.interval_name == "none" && figure.items)
    spread.why = *figure.items < 2 ? std::string("one item cannot be resampled")
                                   : message("all ", std::llround(*figure.items),
                                             " items are alike: nothing to resample");
  return spread;
}

Spread over_pairs(const RowPairs& all, const std::string& metric, ReportItems* items) {
  std::vector<double> differences;
  RowPairs pairs;
  for (const auto& [mine, theirs] : all) {
    const Figure *a = mine->find(metric), *b = theirs->find(metric);
    if (!a || !b) continue;
    differences.push_back(a->value - b->value);
    pairs.emplace_back(mine, theirs);
  }
  Spread spread = over_seeds(differences);
  spread.is_share = is_share(metric);
  if (!spread.is_known) return spread;
  if (!are_finite(differences)) {
    spread.why = message(metric, " is not finite on one side");
    return spread;
  }
  const ItemChange change = items ? items->change(pairs, metric) : ItemChange();
  spread.test = change.test;
  spread.why = change.why;
  if (change.interval) {
    set_interval(spread, *change.interval, IntervalKind::paired_bootstrap);
  } else if (!change.test && spread.seeds >= 2 && spread.sd > 0) {
    set_interval(spread, student_interval(differences), IntervalKind::student);
  }
  return spread;
}

/// Whether every axis of `start` has the same value in `row`: a start shared by many cells has
/// fewer axes than what was tuned from it.
bool is_of_same_cell(const ReportRow& start, const ReportRow& row) {
  return common_axes(start.axes, row.axes) == start.axes;
}

bool is_of_same_run(const ReportRow& a, const ReportRow& b) {
  if (a.runs.empty() && b.runs.empty()) return true;
  return std::find_first_of(a.runs.begin(), a.runs.end(), b.runs.begin(), b.runs.end()) !=
         a.runs.end();
}

/// Whether two rows were measured in the same way: by the same stage with the same settings, where
/// they say so; else in the same run.
bool are_measured_alike(const ReportRow& a, const ReportRow& b) {
  if (a.evaluated_by != b.evaluated_by) return false;
  if (a.evaluation.empty() || b.evaluation.empty()) return is_of_same_run(a, b);
  return a.evaluation == b.evaluation;
}

/// The row that `row` starts from: of the model that it was made of, where rows name theirs; else
/// of the same cell and seed; of another seed only where the start does not vary with it.
const ReportRow* start_of(const ReportRow& row, const ReportGroups& groups) {
  std::vector<const ReportRow*> candidates;
  for (const ReportGroup& group : groups)
    for (const ReportRow* candidate : group.rows) {
      if (candidate->stage != row.starts_from || !are_measured_alike(*candidate, row)) continue;
      if (!row.from_hash.empty() && !candidate->model_hash.empty()) {
        if (candidate->model_hash == row.from_hash) candidates.push_back(candidate);
      } else if (is_of_same_run(*candidate, row) && is_of_same_cell(*candidate, row)) {
        candidates.push_back(candidate);
      }
    }
  for (const bool is_any_run : {false, true})
    for (const ReportRow* candidate : candidates)
      if (candidate->seed == row.seed && (is_any_run || is_of_same_run(*candidate, row)))
        return candidate;
  return candidates.size() == 1 ? candidates.front() : nullptr;
}

}  // namespace

std::vector<double> ReportGroup::values(const std::string& metric) const {
  std::vector<double> values;
  for (const ReportRow* row : rows)
    if (const Figure* figure = row->find(metric)) values.push_back(figure->value);
  return values;
}

ReportGroups lines_where(const ReportGroups& groups,
                         const std::function<bool(const ReportGroup&)>& is_wanted,
                         bool are_of_training) {
  ReportGroups shown;
  std::copy_if(groups.begin(), groups.end(), std::back_inserter(shown), is_wanted);
  const auto measured_by = [](const ReportGroup& group) {
    return group.rows.front()->evaluated_by;
  };
  const bool is_one =
      are_of_training || std::all_of(shown.begin(), shown.end(), [&](const ReportGroup& group) {
        return measured_by(group) == measured_by(shown.front());
      });
  for (ReportGroup& group : shown)
    if (const std::string by = " (" + measured_by(group) + ")";
        is_one && group.label.ends_with(by)) {
      group.name.erase(group.label.size() - by.size(), by.size());
      group.label.resize(group.label.size() - by.size());
    }
  return shown;
}

ReportGroups lines_with(const ReportGroups& groups, const std::vector<std::string>& metrics,
                        bool are_of_training) {
  const auto has_one = [&](const ReportGroup& group) {
    return std::any_of(metrics.begin(), metrics.end(),
                       [&](const std::string& metric) { return !group.values(metric).empty(); });
  };
  return lines_where(groups, has_one, are_of_training);
}

bool any_has(const ReportGroups& groups, const std::string& metric) {
  return std::any_of(groups.begin(), groups.end(),
                     [&](const ReportGroup& g) { return !g.values(metric).empty(); });
}

std::string not_finite_of(const ReportGroup& group, const std::string& metric) {
  std::string seeds;
  for (const ReportRow* row : group.rows)
    if (const Figure* figure = row->find(metric); figure && !std::isfinite(figure->value))
      seeds += (seeds.empty() ? "" : ", ") + std::to_string(row->seed);
  if (seeds.empty()) return "";
  return message(metric, " was not finite when it was measured, seed ", seeds);
}

Spread spread_of(const ReportGroup& group, const std::string& metric) {
  const Figure* only = group.rows.size() == 1 ? group.rows.front()->find(metric) : nullptr;
  Spread spread = only ? over_items(metric, *only) : over_seeds(group.values(metric));
  spread.is_share = is_share(metric);
  if (spread.why.empty()) spread.why = not_finite_of(group, metric);
  return spread;
}

Spread change_of(const ReportGroup& group, const ReportGroups& groups, const std::string& metric) {
  RowPairs pairs;
  for (const ReportRow* row : group.rows)
    if (const ReportRow* start = start_of(*row, groups)) pairs.emplace_back(row, start);
  Spread spread = over_pairs(pairs, metric, group.items.get());
  const std::size_t seeds = group.values(metric).size();
  if (spread.seeds < seeds && !group.starts_from.empty())
    spread.why +=
        message(spread.why.empty() ? "" : "; ",
                spread.seeds == 0 ? std::string("there is no row of")
                                  : message("of ", seeds, " seeds only ", spread.seeds, " have"),
                " a \"", group.starts_from, "\" measured alike to be held against");
  return spread;
}

Spread difference_of(const ReportGroup& group, const ReportGroup& other,
                     const std::string& metric) {
  RowPairs pairs;
  for (const ReportRow* row : group.rows) {
    const ReportRow* found = nullptr;
    for (const ReportRow* candidate : other.rows)
      if (candidate->seed == row->seed && are_measured_alike(*candidate, *row) &&
          (!found || is_of_same_run(*candidate, *row)))
        found = candidate;
    if (found) pairs.emplace_back(row, found);
  }
  return over_pairs(pairs, metric, group.items.get());
}

}  // namespace lldm
