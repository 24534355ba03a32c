// SPDX-License-Identifier: MIT
// What the columns of a report's tables mean.  docs/report.md shows the same list; a test compares.
#pragma once

#include <string>
#include <vector>

#include "lldm/render/table.hpp"

namespace lldm {

struct ReportColumn {
  std::string table;  // its title
  std::string name;   // the header
  std::string meaning;
  std::string unit;      // "-" for texts
  std::string interval;  // what stands in its brackets or behind its ±
  std::string source;    // the file and key that it is computed from
};

/// In the order in which they stand.
const std::vector<ReportColumn>& report_columns();

/// A column of a table, numbers to the right and texts (unit "-") to the left.
/// Errors  Error if `report_columns` does not explain it.
Table::Column column_of(const std::string& table, const std::string& name);

/// The rows of docs/report.md on one table.
std::string columns_markdown(const std::string& table);

inline constexpr const char* kResultsTitle = "Results";
inline constexpr const char* kEstimatorsTitle = "Score estimators: noise";
inline constexpr const char* kStudyTitle = "Score estimators: bias and variance at fixed weights";
inline constexpr const char* kPairsTitle = "Pairs by absolute score";
inline constexpr const char* kTrainingTitle = "Training";
inline constexpr const char* kFailedTitle = "Failed";
inline constexpr const char* kCostsTitle = "Cost on this machine";

}  // namespace lldm
