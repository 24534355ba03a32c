// SPDX-License-Identifier: MIT
#include <cmath>

#include <lldm/plugin/plugin.hpp>

class PowerSchedule {
 public:
  struct Options {
    double power = 2.0;
    static constexpr auto describe() {
      return std::tuple{lldm::field("power", &Options::power, "Exponent of t.").range(0.5, 8.0)};
    }
  };
  static constexpr std::string_view name() { return "power"; }
  static constexpr std::string_view description() { return "alpha(t) = 1 - t^power"; }
  explicit PowerSchedule(const Options& options) : power_(options.power) {}

  [[nodiscard]] double alpha(double t) const { return 1 - std::pow(t, power_); }
  [[nodiscard]] double alpha_derivative(double t) const {
    return -power_ * std::pow(t, power_ - 1);
  }
  [[nodiscard]] double inverse_alpha(double a) const { return std::pow(1 - a, 1 / power_); }

 private:
  double power_;
};

LLDM_PLUGIN("test_schedule", "0.1.0", registry) { registry.add<PowerSchedule>(); }
