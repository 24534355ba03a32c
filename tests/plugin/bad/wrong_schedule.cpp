// SPDX-License-Identifier: MIT
// Schedules that break a law each.
#include <cmath>

#include <lldm/plugin/plugin.hpp>

namespace {

struct Linear {
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  explicit Linear(const Options&) {}
  [[nodiscard]] double alpha(double t) const { return 1 - t; }
  [[nodiscard]] double alpha_derivative(double) const { return -1; }
  [[nodiscard]] double inverse_alpha(double a) const { return 1 - a; }
};

struct Rising : Linear {
  static constexpr std::string_view name() { return "rising"; }
  static constexpr std::string_view description() { return "alpha(t) = t"; }
  using Linear::Linear;
  [[nodiscard]] double alpha(double t) const { return t; }
  [[nodiscard]] double alpha_derivative(double) const { return 1; }
  [[nodiscard]] double inverse_alpha(double a) const { return a; }
};

struct WrongSlope : Linear {
  static constexpr std::string_view name() { return "wrong_slope"; }
  static constexpr std::string_view description() { return "a derivative of half the size"; }
  using Linear::Linear;
  [[nodiscard]] double alpha_derivative(double) const { return -0.5; }
};

struct WrongInverse : Linear {
  static constexpr std::string_view name() { return "wrong_inverse"; }
  static constexpr std::string_view description() { return "an inverse of another schedule"; }
  using Linear::Linear;
  [[nodiscard]] double inverse_alpha(double a) const { return std::sqrt(1 - a); }
};

}  // namespace

LLDM_PLUGIN("wrong_schedule", "0.1.0", registry) {
  registry.add<Rising>().add<WrongSlope>().add<WrongInverse>();
}
