// SPDX-License-Identifier: MIT
#include <cmath>

#include <lldm/concepts/tokenizer.hpp>
#include <lldm/plugin/plugin.hpp>
#include <lldm/services.hpp>

/// Absorbing noise with alpha(t) = 1 - t^2: little noise early.
class LateMasked {
 public:
  struct Options {
    std::int64_t mask_token = -1;
    static constexpr auto describe() {
      return std::tuple{
          lldm::field("mask_token", &Options::mask_token, "Token id; from the tokenizer if -1.")};
    }
  };
  static constexpr std::string_view name() { return "late_masked"; }
  static constexpr std::string_view description() { return "absorbing noise, alpha(t) = 1 - t^2"; }
  LateMasked(const Options& options, const lldm::Services& services)
      : mask_token_(options.mask_token) {
    if (mask_token_ < 0 && services.tokenizer) mask_token_ = services.tokenizer->special().mask;
    if (mask_token_ < 0)
      throw lldm::ConfigError("mask_token is not known\n  set it, or [tokenizer]");
  }

  [[nodiscard]] double alpha(double t) const { return 1 - t * t; }
  [[nodiscard]] double inverse_alpha(double a) const { return std::sqrt(1 - a); }
  [[nodiscard]] double elbo_weight(double t) const { return 2 / t; }
  [[nodiscard]] double reveal_probability(double s, double t) const {
    return t == 0 ? 1.0 : 1 - s * s / (t * t);
  }
  void noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
             lldm::Stream&) const {
    for (const std::int64_t i : positions) tokens[static_cast<std::size_t>(i)] = mask_token_;
  }
  [[nodiscard]] bool is_absorbing() const { return true; }
  [[nodiscard]] lldm::Readout readout() const { return lldm::Readout::log_probability; }

 private:
  std::int64_t mask_token_;
};

LLDM_PLUGIN("test_process", "0.1.0", registry) { registry.add<LateMasked>(); }
