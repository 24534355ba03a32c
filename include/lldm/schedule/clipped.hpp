// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/noise_schedule.hpp"
#include "lldm/config/options_check.hpp"

namespace lldm {

/// The share of noised tokens runs from low to high only: alpha(t) = 1 - low - (high - low) t.
/// Avoids the times whose gradients are noisiest; what a bound over it estimates is the integral
/// between these shares.
///
/// Source  Arriola et al. 2025 (BD3-LM, arXiv:2503.09573), clipped schedules.
class ClippedSchedule {
 public:
  struct Options {
    double low = 0.3;
    double high = 0.8;
    static constexpr auto describe() {
      return std::tuple{
          field("low", &Options::low, "Share noised at t = 0.").range(0.0, 1.0),
          field("high", &Options::high, "Share noised at t = 1, above low.").range(0.0, 1.0)};
    }
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "clipped"; }
  static constexpr std::string_view description() { return "alpha(t) = 1 - low - (high - low) t"; }
  ClippedSchedule() = default;
  /// ConfigError for options that are not legal.
  explicit ClippedSchedule(const Options& options);

  [[nodiscard]] double alpha(double t) const {
    return 1.0 - options_.low - (options_.high - options_.low) * t;
  }
  [[nodiscard]] double alpha_derivative(double) const { return options_.low - options_.high; }
  [[nodiscard]] double inverse_alpha(double a) const {
    return (1.0 - options_.low - a) / (options_.high - options_.low);
  }

 private:
  Options options_;
};
static_assert(Component<ClippedSchedule> && NoiseSchedule<ClippedSchedule>);

}  // namespace lldm
