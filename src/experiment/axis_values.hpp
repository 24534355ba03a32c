// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/experiment/schedule.hpp"

namespace lldm {

/// Writes the components of axes out, as far as tells them apart: where an axis has a type twice, a
/// name becomes the table { type = name }, and a key that one of them leaves out gets the value
/// that it has, so that ["elbo", { type = "elbo", draws = 3 }] are seen to differ in draws.
///
/// After the cells' ids are made, which are of the axes as they are written.
void complete_axes(RunSchedule& schedule);

}  // namespace lldm
