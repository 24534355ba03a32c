// SPDX-License-Identifier: MIT
#include "render/svg_marker.hpp"

#include "lldm/errors.hpp"
#include "render/svg_frame.hpp"

namespace lldm::svg {

void draw_marker(Canvas& canvas, std::size_t series, Point at) {
  const auto style = message("fill=\"", colour(series), "\" stroke=\"#fff\" stroke-width=\"0.6\"");
  const double r = 3;
  switch (series % 5) {
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

}  // namespace lldm::svg
