// expect: lldm: C must be a Component: name
// SPDX-License-Identifier: MIT
#include <lldm/registry/registration.hpp>

struct Schedule {
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
#ifdef LLDM_FIXED
  static constexpr std::string_view name() { return "flat"; }
#endif
  static constexpr std::string_view description() { return "alpha(t) = 1 - t"; }
  explicit Schedule(const Options&) {}
  double alpha(double t) const { return 1 - t; }
  double alpha_derivative(double) const { return -1; }
  double inverse_alpha(double a) const { return 1 - a; }
};

void add(lldm::Registry& registry) { registry.add<Schedule>(); }
