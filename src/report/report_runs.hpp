// SPDX-License-Identifier: MIT
// What runs left behind, read back and put together.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "lldm/track/metrics.hpp"

namespace lldm {

struct ReportData {
  nlohmann::ordered_json report;   // rows with absolute `items`, and `run` where there are several
  std::vector<MetricsLine> lines;  // of metrics.jsonl; stages named as `work`'s folders are
};

/// The report of one run folder, or those of several put together: rows in the folders' order,
/// those of a hash that an earlier folder has left out.
///
/// Errors  DataError if a folder holds no report.json or one that lldm did not write.
ReportData read_runs(const std::vector<std::filesystem::path>& folders);

}  // namespace lldm
