// SPDX-License-Identifier: MIT
// What runs left behind, read back and put together.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "lldm/track/metrics.hpp"

namespace lldm {

struct ReportData {
  nlohmann::ordered_json report;   // rows with absolute `items`, and `runs` where there are several
  std::vector<MetricsLine> lines;  // of metrics.jsonl; stages named as `work`'s folders are
  std::vector<std::string> notes = {};  // what a reader of the figures has to know
};

/// The report of one run folder, or those of several put together: in the order of the folders'
/// names, whatever the order and the paths they are given by; a row that several hold once, with
/// the axes that it has in all of them.
///
/// Errors  DataError if a folder holds no report.json or one that lldm did not write.
ReportData read_runs(const std::vector<std::filesystem::path>& folders);

}  // namespace lldm
