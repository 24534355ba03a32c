// SPDX-License-Identifier: MIT
// The markers of lines and points.  Private to src/experiment.
#pragma once

#include <vector>

#include "lldm/render/svg_plot.hpp"
#include "render/svg_canvas.hpp"

namespace lldm::svg {

inline constexpr double kMarkerRadius = 3;

/// The marker of a style (five shapes, in its colour) around `at`.
void draw_marker(Canvas& canvas, const PlotStyle& style, Point at, double radius = kMarkerRadius);

/// Radii of markers that are drawn in this order: larger where later ones lie on the same place, so
/// that all can be seen.
std::vector<double> nested_radii(const std::vector<Point>& places);

}  // namespace lldm::svg
