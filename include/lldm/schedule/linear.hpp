// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/noise_schedule.hpp"

namespace lldm {

/// alpha(t) = 1 - t.
/// Source  LLaDA (Nie et al. 2025), section 2.
class LinearSchedule {
 public:
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  static constexpr std::string_view name() { return "linear"; }
  static constexpr std::string_view description() { return "alpha(t) = 1 - t"; }
  LinearSchedule() = default;
  explicit LinearSchedule(const Options&) {}

  [[nodiscard]] double alpha(double t) const { return 1.0 - t; }
  [[nodiscard]] double alpha_derivative(double) const { return -1.0; }
  [[nodiscard]] double inverse_alpha(double a) const { return 1.0 - a; }
};
static_assert(Component<LinearSchedule> && NoiseSchedule<LinearSchedule>);

}  // namespace lldm
