// SPDX-License-Identifier: MIT
// What line and bar plots share: page, title, legend, axes, colours.  Private to src/experiment.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "render/svg_axis.hpp"
#include "render/svg_canvas.hpp"

namespace lldm::svg {

inline constexpr double kWidth = 360, kPlotHeight = 190;
inline constexpr double kTitleSize = 12, kLabelSize = 11, kTickSize = 10;
inline constexpr std::string_view kGridStyle = "stroke=\"#ddd\" stroke-width=\"0.6\"";
inline constexpr std::string_view kAxisStyle = "stroke=\"#444\" stroke-width=\"0.8\"";

/// Colour of series i: Okabe and Ito's palette without its yellow (too pale on white).
std::string_view colour(std::size_t i);
/// stroke-dasharray of series i; "none" for a full line.
std::string_view dashes(std::size_t i);

/// The rectangle of the data on the page.
struct Frame {
  double left, right, top, bottom;
  double x(double position) const { return left + position * (right - left); }
  double y(double position) const { return bottom - position * (bottom - top); }
};

/// Draws a legend entry's sample in the 18 units right of `at` (at its middle height).
using DrawSample = std::function<void(Canvas&, std::size_t series, Point at)>;

/// Title and legend, from the top of the page; returns the y below them.  One series alone gets no
/// legend if the title or `y_label` names it.
double draw_head(Canvas& canvas, const std::string& title, const std::string& y_label,
                 const std::vector<std::string>& names, const DrawSample& sample);

/// Left edge of the data such that the ticks and the label of `y` fit.
double left_margin(const Axis& y);

/// Grid, ticks and label of the vertical axis.
void draw_y_axis(Canvas& canvas, const Frame& frame, const Axis& axis);
/// The same for the horizontal axis; returns the y below its label.
double draw_x_axis(Canvas& canvas, const Frame& frame, const Axis& axis);

/// Small texts below the plot; returns the y below them.
double draw_notes(Canvas& canvas, double y, const std::vector<std::string>& notes);

}  // namespace lldm::svg
