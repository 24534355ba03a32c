// SPDX-License-Identifier: MIT
// What the completion scripts know beyond the table of commands.
#pragma once

#include <string>
#include <vector>

#include "lldm/fwd.hpp"

namespace lldm::cli {

/// Everything that `lldm describe` knows: components, kinds of stage, tables of a file.
std::vector<std::string> describable_names(const Registry& registry);

/// The script for "bash" or "zsh", made of the tables that the command line is parsed by.
std::string completion_script(const std::string& shell, const Registry& registry);

}  // namespace lldm::cli
