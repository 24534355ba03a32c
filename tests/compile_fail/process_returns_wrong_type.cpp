// expect: process.alpha.t.. does not satisfy return-type-requirement
// SPDX-License-Identifier: MIT
#include <lldm/concepts/forward_process.hpp>

struct Process {
#ifdef LLDM_FIXED
  double alpha(double t) const { return 1 - t; }
#else
  float alpha(double t) const { return static_cast<float>(1 - t); }
#endif
  double inverse_alpha(double a) const { return 1 - a; }
  double elbo_weight(double t) const { return 1 / t; }
  double reveal_probability(double s, double t) const { return (t - s) / t; }
  void noise(std::span<std::int64_t>, std::span<const std::int64_t>, lldm::Stream&) const {}
  bool is_absorbing() const { return true; }
  lldm::Readout readout() const { return lldm::Readout::log_probability; }
};
static_assert(lldm::ForwardProcess<Process>);
