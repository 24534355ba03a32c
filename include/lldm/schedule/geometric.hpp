// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/noise_schedule.hpp"
#include "lldm/config/options_check.hpp"

namespace lldm {

/// alpha(t) = exp(-sigma(t)), sigma(t) = sigma_min^(1 - t) sigma_max^t.  A share exp(-sigma_max) is
/// left clean at t = 1, 1 - exp(-sigma_min) is noised at t = 0.
///
/// Source  Lou et al. 2024 (SEDD, arXiv:2310.16834), sigma from 1e-4 to 20.
class GeometricSchedule {
 public:
  struct Options {
    double sigma_min = 1e-4;
    double sigma_max = 20.0;
    static constexpr auto describe() {
      return std::tuple{field("sigma_min", &Options::sigma_min, "Noise at t = 0.").above(0.0),
                        field("sigma_max", &Options::sigma_max, "Noise at t = 1, above sigma_min.")
                            .range(0.0, 700.0)};
    }
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "geometric"; }
  static constexpr std::string_view description() {
    return "alpha(t) = exp(-sigma_min^(1 - t) sigma_max^t)";
  }
  GeometricSchedule() = default;
  /// ConfigError for options that are not legal.
  explicit GeometricSchedule(const Options& options);

  [[nodiscard]] double alpha(double t) const { return std::exp(-sigma(t)); }
  [[nodiscard]] double alpha_derivative(double t) const {
    return -sigma(t) * log_ratio() * std::exp(-sigma(t));
  }
  [[nodiscard]] double inverse_alpha(double a) const {
    return std::log(-std::log(a) / options_.sigma_min) / log_ratio();
  }

 private:
  [[nodiscard]] double log_ratio() const {
    return std::log(options_.sigma_max / options_.sigma_min);
  }
  [[nodiscard]] double sigma(double t) const {
    return options_.sigma_min * std::exp(t * log_ratio());
  }
  Options options_;
};
static_assert(Component<GeometricSchedule> && NoiseSchedule<GeometricSchedule>);

}  // namespace lldm
