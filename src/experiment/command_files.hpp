// SPDX-License-Identifier: MIT
// The files that a checker command of an experiment names.
#pragma once

#include <string>
#include <vector>

#include "lldm/config/value.hpp"

namespace lldm {

/// Absolute paths of the regular files that words of `command` name relative to the folder of
/// `file`, where a table has both (a `file` task): a checker's script decides results as the items
/// do.  Words that are absolute paths are left out: they count as every path of a config does.
std::vector<std::string> command_files(const config::Value& table);

}  // namespace lldm
