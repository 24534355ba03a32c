// expect: lldm: C satisfies the concept of no role
// SPDX-License-Identifier: MIT
#include <lldm/registry/registration.hpp>

struct Schedule {
  struct Options {
    static constexpr auto describe() { return std::tuple{}; }
  };
  static constexpr std::string_view name() { return "flat"; }
  static constexpr std::string_view description() { return "alpha(t) = 1 - t"; }
  explicit Schedule(const Options&) {}
  double alpha(double t) const { return 1 - t; }
#ifdef LLDM_FIXED
  double alpha_derivative(double) const { return -1; }
#endif
  double inverse_alpha(double a) const { return 1 - a; }
};

void add(lldm::Registry& registry) { registry.add<Schedule>(); }
