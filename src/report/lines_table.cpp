// SPDX-License-Identifier: MIT
#include "report/lines_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "lldm/errors.hpp"
#include "report/columns.hpp"

namespace lldm {

namespace {

constexpr const char* kSeedsApart =
    "Seeds have lines of their own where the settings behind their models differ, such as a "
    "vocabulary that is made of each seed's own words: a mean over them would be one of unlike "
    "models.\n"
    "To have them averaged let the seeds share what comes before a stage, seeds = { values = [1, "
    "2], from = \"STAGE\" }, or take a tokenizer that does not depend on the rows.\n";

}  // namespace

LinesTable::LinesTable(const char* title, const std::vector<std::string>& columns, std::string note)
    : report_{.title = title, .table = {}, .note = std::move(note)} {
  for (const std::string& name : columns) report_.table.columns.push_back(column_of(title, name));
}

LinesTable& LinesTable::line(const ReportGroup& group, const std::string& label) {
  group_ = &group;
  runs_.push_back(group.run);
  are_seeds_apart_ = are_seeds_apart_ || !group.seeds.empty();
  report_.table.rows.push_back({label});
  return *this;
}

LinesTable& LinesTable::text(std::string cell) {
  report_.table.rows.back().push_back(std::move(cell));
  return *this;
}

/// Why a line has no figure, a figure that is none, or another interval than its column's.
void LinesTable::say_why(const Spread& spread) {
  if (spread.why.empty()) return;
  std::string seen = spread.is_known ? figure_text(spread.mean) : "no figure";
  if (spread.is_known && std::isfinite(spread.mean))
    seen = spread.has_interval ? message("its interval is ", to_string(spread.kind), "'s")
                               : "no interval";
  const std::string& column = report_.table.columns[report_.table.rows.back().size()].header;
  report_.note += message(group_->name, ", ", column, ": ", seen, "; ", spread.why, ".\n");
}

LinesTable& LinesTable::figure(const std::string& metric) {
  const Spread spread = spread_of(*group_, metric);
  say_why(spread);
  return text(spread_text(spread));
}

LinesTable& LinesTable::number(const std::string& metric, int digits) {
  const Spread spread = spread_of(*group_, metric);
  if (!std::isfinite(spread.mean)) say_why(spread);
  return text(spread.is_known ? figure_text(spread.mean, digits) : "-");
}

LinesTable& LinesTable::number_with_error(const std::string& metric) {
  number(metric);
  double squares = 0;
  for (const ReportRow* row : group_->rows)
    if (const Figure* figure = row->find(metric); figure && figure->standard_error)
      squares += std::pow(*figure->standard_error, 2);
  // Seeds draw independently: the error of their mean.
  if (squares > 0)
    report_.table.rows.back().back() +=
        " \u00b1 " +
        rounded_text(std::sqrt(squares) / static_cast<double>(group_->values(metric).size()), 2);
  return *this;
}

LinesTable& LinesTable::count(const std::string& metric) {
  const Spread spread = spread_of(*group_, metric);
  if (!std::isfinite(spread.mean) || spread.mean != std::floor(spread.mean))
    return number(metric, 5);
  return text(spread.is_known ? std::to_string(static_cast<std::int64_t>(spread.mean)) : "-");
}

LinesTable& LinesTable::mebibytes(const std::string& metric) {
  const Spread spread = spread_of(*group_, metric);
  return text(spread.is_known ? rounded_text(spread.mean / (1024.0 * 1024.0), 3) + " MiB" : "-");
}

LinesTable& LinesTable::change(const std::string& metric, const ReportGroups& groups) {
  if (group_->starts_from.empty()) return text("-").text("-");
  const Spread change = change_of(*group_, groups, metric);
  // What others are tuned from may well come from nothing that was measured.
  if (change.is_known || group_->role == "preference" || group_->role == "control") say_why(change);
  return text(change_text(change)).text(test_text(change));
}

ReportTable LinesTable::finish() {
  Table& table = report_.table;
  if (are_seeds_apart_) report_.note += kSeedsApart;
  if (std::any_of(runs_.begin(), runs_.end(), [](const auto& run) { return !run.empty(); })) {
    table.columns.insert(table.columns.begin() + 1, {"run", Align::left});
    table.keys = 2;
    for (std::size_t r = 0; r < table.rows.size(); ++r)
      table.rows[r].insert(table.rows[r].begin() + 1, runs_[r]);
  }
  return std::move(report_);
}

}  // namespace lldm
