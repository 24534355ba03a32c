// SPDX-License-Identifier: MIT
// Whose metrics lie where: a plain run has one metrics.jsonl, a grid one for every piece of work
// and, when it is collected, one of all.  A folder may be the one today and the other tomorrow.
#pragma once

#include <filesystem>
#include <string>

#include "lldm/experiment/schedule.hpp"

namespace lldm {

/// Before a grid works on: what metrics.jsonl says of work without a file of its own becomes that
/// file.
void share_metrics(const std::filesystem::path& out);

/// Before a plain run works on, and after it: lines of work that has a file of its own come into
/// metrics.jsonl; that of unfinished work is then removed, since its lines go on in metrics.jsonl.
void join_metrics(const RunSchedule& schedule, const std::filesystem::path& out);

/// A piece of work's lines, wherever they are, with `label` in place of the name they were logged
/// under.
std::string metrics_of(const std::filesystem::path& out, const Work& work,
                       const std::string& label);

/// A file's whole lines.
///
/// Errors  DataError, naming file and row, if it is of finished work and not what that wrote; as
///         MetricsReader.
std::string metrics_lines(const std::filesystem::path& file);

/// The same under another name.
std::string relabelled(const std::filesystem::path& file, const std::string& label);

}  // namespace lldm
