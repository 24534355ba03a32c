// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "report/report_table.hpp"

namespace lldm {

/// A table of a report, written line by line and cell by cell from the left.  What is odd about a
/// figure is said below it.
class LinesTable {
 public:
  /// `columns`: as columns.hpp explains them.
  LinesTable(const char* title, const std::vector<std::string>& columns, std::string note);

  /// Begins the line of a group, which must live as long.
  LinesTable& line(const ReportGroup& group, const std::string& label);
  LinesTable& text(std::string cell);
  /// A mean with its spread over seeds or its interval.
  LinesTable& figure(const std::string& metric);
  /// A mean alone.
  LinesTable& number(const std::string& metric, int digits = 3);
  /// A whole number; its mean where seeds differ.
  LinesTable& count(const std::string& metric);
  LinesTable& mebibytes(const std::string& metric);
  /// Two cells: the difference to the model that the group starts from, and its exact test.
  LinesTable& change(const std::string& metric, const ReportGroups& groups);
  /// A mean ± its standard error over the draws.
  LinesTable& number_with_error(const std::string& metric);

  /// The whole; of a report over several folders with a column that says which a line is of.
  [[nodiscard]] ReportTable finish();

 private:
  void say_why(const Spread& spread);

  ReportTable report_;
  const ReportGroup* group_ = nullptr;
  std::vector<std::string> runs_;
  bool are_seeds_apart_ = false;
};

}  // namespace lldm
