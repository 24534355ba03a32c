// SPDX-License-Identifier: MIT
// Whether a file holds rows of a form that a stage reads.
#pragma once

#include <string>

#include "lldm/experiment/stage.hpp"

namespace lldm {

/// What is wrong with the first row of the file that a stage's rows come from; "" if nothing is, or
/// if they come from no file or a missing one.
std::string row_form_problem(const Stage& stage, const StageRows& rows);

}  // namespace lldm
