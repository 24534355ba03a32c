// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lldm/experiment/schedule.hpp"

namespace lldm {

/// Writes report.json, report.md, costs.md and the SVG plots from the results that lie in `out`.
/// `is_whole`: every stage has been run; otherwise the report says that it is partial.
///
/// report.md holds nothing that the clock measured, and report.json names (`measured`) the keys
/// that do, so that a run that was killed and resumed gives the report of one that was left alone.
void write_report(const RunSchedule& schedule, const std::filesystem::path& out, bool is_whole);

/// Writes the report of one or several runs into `out` from their report.json, items and
/// metrics.jsonl (`lldm report DIR...`).  Rows of several runs are put together, each with its
/// `run`; what two runs measured of the same work (equal hash) counts once, and rows of equal
/// settings and other seeds are seeds of one line.
///
/// Errors  DataError if a folder holds no report, or a file of its finished work is not what was
///         written.
void merge_reports(const std::vector<std::filesystem::path>& folders,
                   const std::filesystem::path& out);

/// The tables of `out`'s report.json as text for a terminal of `width` columns, with what it cost.
std::string report_text(const std::filesystem::path& out, int width);

}  // namespace lldm
