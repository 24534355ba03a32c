// SPDX-License-Identifier: MIT
// The lines of a report's tables for scripts, and what has no line because it failed.
#pragma once

#include <nlohmann/json.hpp>

#include "report/report_table.hpp"

namespace lldm {

/// [{"label", "run", "stage", "role", "evaluated_by", "estimator", "axes", "seeds": [...],
///   "figures": {metric: Spread}, "changes": {metric: Spread}}], a Spread as {"mean", "sd", "low",
///   "high", "interval", "seeds", "test", "p", "up", "down", "items", "is_change", "why"}: those
/// that it has; a mean that is not finite is "NaN" or "Infinity".
/// What the clock and the allocator said is not among them.
nlohmann::ordered_json report_lines(const ReportGroups& groups);

/// Work that is recorded as failed, with all of its axes: it has no figures, and is not forgotten.
/// `groups`: the lines that it is told from.
ReportTable failed_table(const std::vector<ReportWork>& failed, const ReportGroups& groups);

}  // namespace lldm
