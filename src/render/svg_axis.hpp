// SPDX-License-Identifier: MIT
// Where values lie on an axis and how its ticks read.  Private to src/experiment.
#pragma once

#include <string>
#include <vector>

#include "lldm/render/svg_plot.hpp"

namespace lldm::svg {

struct Tick {
  double value;
  std::string label;
};

struct Axis {
  PlotScale scale = PlotScale::linear;
  double low = 0, high = 1;
  std::vector<Tick> ticks;  // inside [low, high]
  std::string label;        // with a common factor of the ticks, if any: "rate (×10⁻⁶)"

  /// 0 at `low`, 1 at `high`.
  double position(double value) const;
  /// Finite, and positive if the scale is logarithmic.
  bool can_draw(double value) const;
};

/// Fits an axis to data in [low, high], with about `num_ticks` ticks at 1, 2 or 5 times a power of
/// ten.
///
/// Errors  ShapeError, beginning with `where`, if the wanted limits are out of order or cannot be
///         drawn.
Axis fit_axis(const PlotAxis& wanted, double low, double high, int num_ticks,
              const std::string& where);

}  // namespace lldm::svg
