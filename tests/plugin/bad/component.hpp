// SPDX-License-Identifier: MIT
// A component for plugins that are wrong in other ways.
#pragma once

#include <lldm/plugin/plugin.hpp>

struct SmallSchedule {
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  static constexpr std::string_view name() { return "small"; }
  static constexpr std::string_view description() { return "alpha(t) = 1 - t"; }
  explicit SmallSchedule(const Options&) {}
  [[nodiscard]] double alpha(double t) const { return 1 - t; }
  [[nodiscard]] double alpha_derivative(double) const { return -1; }
  [[nodiscard]] double inverse_alpha(double a) const { return 1 - a; }
};
