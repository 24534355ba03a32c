// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/any_noise_schedule.hpp"
#include "lldm/concepts/component.hpp"
#include "lldm/concepts/forward_process.hpp"
#include "lldm/config/component_ref.hpp"

namespace lldm {

/// Absorbing-state ("masked") noise: each position independently becomes the mask token with
/// probability 1 - alpha(t), and stays it.
///
/// ELBO weight  -alpha'(t) / (1 - alpha(t)); for the linear schedule 1/t.
/// Source       Sahoo et al. 2024 (MDLM), arXiv:2406.07524; LLaDA, arXiv:2502.09992.
class MaskedProcess {
 public:
  struct Options {
    ComponentRef<Role::noise_schedule> schedule = "linear";
    std::int64_t mask_token = -1;
    static constexpr auto describe() {
      return std::tuple{
          field("schedule", &Options::schedule, "How fast tokens become masks: alpha(t)."),
          field("mask_token", &Options::mask_token,
                "Token id written over a noised position; -1: the tokenizer's mask token.")
              .at_least(-1)};
    }
  };
  static constexpr std::string_view name() { return "masked"; }
  static constexpr std::string_view description() {
    return "absorbing noise: every position becomes the mask token with probability 1 - alpha(t)";
  }
  MaskedProcess(const Options& options, const Services& services);
  MaskedProcess(std::int64_t mask_token, AnyNoiseSchedule schedule);

  [[nodiscard]] double alpha(double t) const { return schedule_.alpha(t); }
  [[nodiscard]] double inverse_alpha(double a) const { return schedule_.inverse_alpha(a); }
  /// ShapeError at a time where nothing is noised (1 - alpha(t) = 0): the weight is not finite
  /// there.
  [[nodiscard]] double elbo_weight(double t) const;
  [[nodiscard]] double reveal_probability(double s, double t) const;
  void noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
             Stream& draws) const;
  [[nodiscard]] bool is_absorbing() const { return true; }
  [[nodiscard]] Readout readout() const { return Readout::log_probability; }
  [[nodiscard]] std::int64_t mask_token() const { return mask_token_; }

 private:
  std::int64_t mask_token_;
  AnyNoiseSchedule schedule_;
};
static_assert(Component<MaskedProcess> && ForwardProcess<MaskedProcess>);

}  // namespace lldm
