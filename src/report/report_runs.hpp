// SPDX-License-Identifier: MIT
// What runs left behind, read back and put together.
#pragma once

#include <filesystem>
#include <vector>

#include "lldm/track/metrics.hpp"
#include "report/row.hpp"

namespace lldm {

struct ReportData {
  std::string name, description;
  bool is_whole = true;
  std::vector<ReportRow> rows;      // with absolute `items`, and `runs` where there are several
  std::vector<ReportRow> training;  // trained models, measured or not, as their stages report
  std::vector<ReportWork> work, failed;
  std::vector<std::string> notes;     // what a reader of the figures has to know
  std::vector<std::string> measured;  // keys of what the clock or the allocator said
  std::vector<MetricsLine> lines;     // of metrics.jsonl; stages named as `work`'s folders are
};

/// A report.json with what lies beside it in `folder`, the path of the folder as it lies on the
/// disk.
///
/// Errors  DataError if lldm did not write it.
ReportData report_of(const nlohmann::ordered_json& report, const std::filesystem::path& folder);

/// The report of one run folder, or those of several put together: in the order of the folders'
/// names, whatever the order and the paths they are given by; a row that several hold once, with
/// the axes that it has in all of them.
///
/// Errors  DataError if a folder holds no report.json or one that lldm did not write, or finished
///         work of it is damaged.
ReportData read_runs(const std::vector<std::filesystem::path>& folders);

/// As report.json has it, without the tables' lines.
nlohmann::ordered_json to_json(const ReportData& data);

}  // namespace lldm
