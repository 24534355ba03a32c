// SPDX-License-Identifier: MIT
// The markers of lines and points.  Private to src/experiment.
#pragma once

#include "render/svg_canvas.hpp"

namespace lldm::svg {

/// The marker of series i (five shapes, in the series' colour) around `at`.
void draw_marker(Canvas& canvas, std::size_t series, Point at);

}  // namespace lldm::svg
