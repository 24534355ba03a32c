// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "report/report_runs.hpp"

namespace lldm {

/// Holds what a report is of against what lies in its run's folder: the files of finished work are
/// those that were written.  Work that lies elsewhere (of a report over several runs) passes.
/// What a report can do without, and is not there, is noted in `data`.
///
/// Errors  DataError naming every damaged file (and row) of the first work that has one.
/// Cost    one reading of results and rows; not of weights
void check_folder(ReportData& data, const std::filesystem::path& folder);

/// Notes the measured models whose items are not there.
void note_missing_items(ReportData& data);

}  // namespace lldm
