// SPDX-License-Identifier: MIT
#include <lldm/plugin/plugin.hpp>

/// alpha(t) = 1 - t, from an option without default.
class RequiredSchedule {
 public:
  struct Options {
    double level = 0;
    static constexpr auto describe() {
      return std::tuple{
          lldm::field("level", &Options::level, "alpha at t = 0.").range(0.5, 1.0).required()};
    }
  };
  static constexpr std::string_view name() { return "required"; }
  static constexpr std::string_view description() { return "alpha(t) = level (1 - t)"; }
  explicit RequiredSchedule(const Options& options) : level_(options.level) {}
  [[nodiscard]] double alpha(double t) const { return level_ * (1 - t); }
  [[nodiscard]] double alpha_derivative(double) const { return -level_; }
  [[nodiscard]] double inverse_alpha(double a) const { return 1 - a / level_; }

 private:
  double level_;
};

LLDM_PLUGIN("test_required", "0.1.0", registry) { registry.add<RequiredSchedule>(); }
