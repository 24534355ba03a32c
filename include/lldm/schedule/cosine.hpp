// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <numbers>
#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/noise_schedule.hpp"

namespace lldm {

/// alpha(t) = 1 - cos(pi/2 (1 - t)).
/// Source  dLLM (ZHZisZZ/dllm, core/schedulers/alpha.py).
class CosineSchedule {
 public:
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  static constexpr std::string_view name() { return "cosine"; }
  static constexpr std::string_view description() { return "alpha(t) = 1 - cos(pi/2 (1 - t))"; }
  CosineSchedule() = default;
  explicit CosineSchedule(const Options&) {}

  [[nodiscard]] double alpha(double t) const { return 1.0 - std::cos(kHalfPi * (1.0 - t)); }
  [[nodiscard]] double alpha_derivative(double t) const {
    return -kHalfPi * std::sin(kHalfPi * (1.0 - t));
  }
  [[nodiscard]] double inverse_alpha(double a) const { return 1.0 - std::acos(1.0 - a) / kHalfPi; }

 private:
  static constexpr double kHalfPi = std::numbers::pi / 2;
};
static_assert(Component<CosineSchedule> && NoiseSchedule<CosineSchedule>);

}  // namespace lldm
