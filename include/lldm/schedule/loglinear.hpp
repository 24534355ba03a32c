// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/noise_schedule.hpp"

namespace lldm {

/// alpha(t) = 1 - (1 - eps) t, the exponential of minus a noise of -log(1 - (1 - eps) t): linear,
/// with a share eps left clean at t = 1.
///
/// Source  Lou et al. 2024 (SEDD, arXiv:2310.16834); MDLM (eps = 1e-3).
class LoglinearSchedule {
 public:
  struct Options {
    double eps = 1e-3;
    static constexpr auto describe() {
      return std::tuple{
          field("eps", &Options::eps, "Share still clean at t = 1.").between(0.0, 1.0)};
    }
  };
  static constexpr std::string_view name() { return "loglinear"; }
  static constexpr std::string_view description() { return "alpha(t) = 1 - (1 - eps) t"; }
  LoglinearSchedule() = default;
  /// ConfigError for options that are not legal.
  explicit LoglinearSchedule(const Options& options);

  [[nodiscard]] double alpha(double t) const { return 1.0 - (1.0 - options_.eps) * t; }
  [[nodiscard]] double alpha_derivative(double) const { return options_.eps - 1.0; }
  [[nodiscard]] double inverse_alpha(double a) const { return (1.0 - a) / (1.0 - options_.eps); }

 private:
  Options options_;
};
static_assert(Component<LoglinearSchedule> && NoiseSchedule<LoglinearSchedule>);

}  // namespace lldm
