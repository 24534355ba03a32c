// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/noise_schedule.hpp"

namespace lldm {

/// alpha(t) = 1 - t^power: power 1 is linear, 2 BD3-LM's "square", 0.5 its "square_root".
/// ELBO weight  power / t.
/// Source  Arriola et al. 2025 (BD3-LM, arXiv:2503.09573); MDLM's noise schedules.
class PolynomialSchedule {
 public:
  struct Options {
    double power = 2.0;
    static constexpr auto describe() {
      return std::tuple{
          field("power", &Options::power, "Exponent of t; 1 is linear.").range(0.01, 100.0)};
    }
  };
  static constexpr std::string_view name() { return "polynomial"; }
  static constexpr std::string_view description() { return "alpha(t) = 1 - t^power"; }
  PolynomialSchedule() = default;
  /// ConfigError for options that are not legal.
  explicit PolynomialSchedule(const Options& options);

  [[nodiscard]] double alpha(double t) const { return 1.0 - std::pow(t, options_.power); }
  [[nodiscard]] double alpha_derivative(double t) const {
    return -options_.power * std::pow(t, options_.power - 1.0);
  }
  [[nodiscard]] double inverse_alpha(double a) const {
    return std::pow(1.0 - a, 1.0 / options_.power);
  }

 private:
  Options options_;
};
static_assert(Component<PolynomialSchedule> && NoiseSchedule<PolynomialSchedule>);

}  // namespace lldm
