// SPDX-License-Identifier: MIT
// Variables of the environment in paths: "${NAME}/rows.jsonl".
#pragma once

#include <string>
#include <string_view>

namespace lldm::config {

/// The first variable that `path` names and that is not set or empty; "" if there is none.
std::string unset_variable(std::string_view path);

/// The first "$NAME" without braces, by its name; "" if there is none.  Such a name is no variable
/// here.
std::string bare_variable(std::string_view path);

/// `path` with every variable in it replaced; all are set.
std::string with_variables(std::string path);

}  // namespace lldm::config
