// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string_view>
#include <tuple>

#include "lldm/concepts/any_noise_schedule.hpp"
#include "lldm/concepts/component.hpp"
#include "lldm/concepts/forward_process.hpp"
#include "lldm/config/component_ref.hpp"
#include "lldm/config/options_check.hpp"

namespace lldm {

/// Uniform-state noise: each position keeps its token with probability alpha(t), else it shows one
/// of V states drawn uniformly (its own token among them).  Nothing tells a noised token from a
/// clean one.
///
/// The states are the ids first_token .. last_token without the tokenizer's mask token; by default
/// the tokenizer's whole vocabulary but the mask.  What the model's row gives to other ids counts
/// as a guess of none of the states: the reverse step loses that mass, and the bound stays a bound.
/// `clean` in `alpha` and `reveal_probability` means: not redrawn so far.
///
/// Target  full_trajectory and segmented score it (uniform_elbo); the continuous-time bound is no
///         weighted sum of log-probabilities, so that `elbo_weight` refuses.
/// Limits  no built-in sampler walks back from it: all replace masks.
/// Source  Austin et al. 2021 (D3PM, uniform), arXiv:2107.03006; Schiff et al. 2024 (UDLM),
///         arXiv:2412.10193; docs/decisions/0006-uniform-noise.md.
class UniformProcess {
 public:
  struct Options {
    ComponentRef<Role::noise_schedule> schedule = "linear";
    std::int64_t first_token = 0;
    std::int64_t last_token = -1;
    static constexpr auto describe() {
      return std::tuple{
          field("schedule", &Options::schedule, "How fast tokens are redrawn: alpha(t)."),
          field("first_token", &Options::first_token, "First token id that noise may show.")
              .at_least(0),
          field(
              "last_token", &Options::last_token,
              "Last token id that noise may show; -1: the tokenizer's last.  The tokenizer's mask "
              "token is never shown.")
              .at_least(-1)};
    }
    /// first_token < last_token.
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "uniform"; }
  static constexpr std::string_view description() {
    return "uniform-state noise: with probability 1 - alpha(t) a position shows a random token";
  }
  /// ConfigError: states that the tokenizer does not have, or fewer than two.
  UniformProcess(const Options& options, const Services& services);
  /// The states first .. last but `excluded` (-1: none).
  UniformProcess(std::int64_t first, std::int64_t last, std::int64_t excluded,
                 AnyNoiseSchedule schedule);

  [[nodiscard]] double alpha(double t) const { return schedule_.alpha(t); }
  [[nodiscard]] double inverse_alpha(double a) const { return schedule_.inverse_alpha(a); }
  /// ConfigError, always: see Target.
  [[nodiscard]] double elbo_weight(double t) const;
  [[nodiscard]] double reveal_probability(double s, double t) const;
  void noise(std::span<std::int64_t> tokens, std::span<const std::int64_t> positions,
             Stream& draws) const;
  [[nodiscard]] bool is_absorbing() const { return false; }
  [[nodiscard]] Readout readout() const { return Readout::log_posterior; }

  /// Where alpha_s == alpha_t nothing happens between s and t: x_s must be x_t, and p = q = 1.
  /// Errors  DataError: x_0 is no state.  ShapeError: x_s or x_t is none, or alpha_s < alpha_t.
  [[nodiscard]] ReverseStep reverse_step(double alpha_s, double alpha_t, std::int64_t x_s,
                                         std::int64_t x_t, std::int64_t x_0) const;
  /// KL(q(x_T | x_0) || uniform) of a position, nats; 0 at alpha = 0.
  [[nodiscard]] double prior_divergence(double alpha) const;
  /// V.
  [[nodiscard]] std::int64_t num_states() const;
  [[nodiscard]] bool is_state(std::int64_t token) const {
    return token >= first_ && token <= last_ && token != excluded_;
  }

 private:
  std::int64_t first_, last_;
  std::int64_t excluded_;  // inside [first_, last_], or -1
  AnyNoiseSchedule schedule_;
};
static_assert(Component<UniformProcess> && PosteriorProcess<UniformProcess>);

}  // namespace lldm
