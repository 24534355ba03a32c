// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>

#include "lldm/experiment/schedule.hpp"

namespace lldm {

/// Writes report.json, report.md and the SVG plots from the results that lie in `out`.  `is_whole`:
/// every stage has been run; otherwise the report says that it is partial.
void write_report(const RunSchedule& schedule, const std::filesystem::path& out, bool is_whole);

/// Writes report.md and the plots anew from DIR/report.json and metrics.jsonl (`lldm report DIR`).
/// DataError if the folder holds no report.
void rewrite_report(const std::filesystem::path& out);

/// The comparison table of report.json as text for a terminal of `width` columns.
std::string report_text(const std::filesystem::path& out, int width);

}  // namespace lldm
