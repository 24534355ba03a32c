// SPDX-License-Identifier: MIT
#include "render/svg_marker.hpp"

#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"
#include "render/svg_frame.hpp"

namespace lldm::svg {

void draw_marker(Canvas& canvas, const PlotStyle& of, Point at, double r) {
  const auto style =
      message("fill=\"", colour(of.colour), "\" stroke=\"#fff\" stroke-width=\"0.6\"");
  // With the five dashes 25 patterns that differ in one or the other.
  switch ((of.pattern + of.pattern / 5) % 5) {
    case 0:
      return canvas.circle(at, r, style);
    case 1:
      return canvas.rectangle({at.x - 0.9 * r, at.y - 0.9 * r}, 1.8 * r, 1.8 * r, style);
    case 2:
      return canvas.polygon({{at.x, at.y - 1.2 * r},
                             {at.x + 1.1 * r, at.y + 0.8 * r},
                             {at.x - 1.1 * r, at.y + 0.8 * r}},
                            style);
    case 3:
      return canvas.polygon({{at.x, at.y - 1.3 * r},
                             {at.x + 1.3 * r, at.y},
                             {at.x, at.y + 1.3 * r},
                             {at.x - 1.3 * r, at.y}},
                            style);
    default:
      return canvas.polygon({{at.x, at.y + 1.2 * r},
                             {at.x + 1.1 * r, at.y - 0.8 * r},
                             {at.x - 1.1 * r, at.y - 0.8 * r}},
                            style);
  }
}

std::vector<double> nested_radii(const std::vector<Point>& places) {
  constexpr double kNear = 3, kMore = 1.8, kMost = 5;
  std::vector<double> radii;
  for (std::size_t i = 0; i < places.size(); ++i) {
    double later = 0;
    for (std::size_t j = i + 1; j < places.size(); ++j)
      later += std::hypot(places[i].x - places[j].x, places[i].y - places[j].y) < kNear ? 1 : 0;
    radii.push_back(kMarkerRadius + kMore * std::min(later, kMost));
  }
  return radii;
}

}  // namespace lldm::svg
