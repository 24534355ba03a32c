// SPDX-License-Identifier: MIT
#pragma once

namespace lldm {

/// Whether the better answer wins by two scores (rewards, margins against 0): 1, 0, and one half
/// where they are equal.  The one rule behind every accuracy of pairs: a model that cannot tell any
/// pair apart has accuracy 0.5, not 0.
///
/// Range   both finite; whoever has scores that may not be checks them first.
[[nodiscard]] constexpr double win(double better, double worse) {
  return better > worse ? 1.0 : better == worse ? 0.5 : 0.0;
}

}  // namespace lldm
