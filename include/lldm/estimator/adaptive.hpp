// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>

#include "lldm/concepts/adaptation.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"
#include "lldm/config/component_ref.hpp"
#include "lldm/config/options_check.hpp"

namespace lldm {

/// Any score estimator, repeated as often as the noise of the steps before asks for.
///
/// The score is the mean of n independent plans of the wrapped estimator, so its target and bias
/// are the wrapped one's.  The n of step k + 1 is a function of the standard errors of the pair
/// margins up to step k (see Adaptation), and of nothing that step k + 1 draws: within a step n is
/// a constant, so stopping early is not possible and adds no bias.  Where nothing adapts it
/// (validation, scores outside training) n is `max`.
///
/// Target  the wrapped estimator's.
/// Cost    n times the wrapped estimator's forward passes, min <= n <= max; memory is planned for
///         max.  With n = 1 nothing can be known of the noise, so min is at least 2.
/// Random  repetition r reads streams of its own.
/// Source  the seeds' "adaptive diffusion steps", without their optional stopping.
class Adaptive {
 public:
  struct Options {
    ComponentRef<Role::score_estimator> score_estimator = "monte_carlo_elbo";
    std::int64_t min = 2;
    std::int64_t max = 8;
    double standard_error = 1.0;
    double smoothing = 0.9;
    static constexpr auto describe() {
      return std::tuple{
          field("score_estimator", &Options::score_estimator, "What is repeated."),
          field("min", &Options::min, "Fewest repetitions; the first step takes so many.")
              .range(2, 4096),
          field("max", &Options::max, "Most repetitions; memory is planned for them.")
              .range(2, 4096),
          field("standard_error", &Options::standard_error,
                "Wanted standard error of a pair's margin (of a score without pairs).")
              .above(0.0)
              .unit("nats"),
          field("smoothing", &Options::smoothing,
                "Weight of the steps before in the smoothed variance; 0: the last step alone.")
              .at_least(0.0)
              .below(1.0)};
    }
    /// min <= max.
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "adaptive"; }
  static constexpr std::string_view description() {
    return "repeats any estimator as often as the standard errors of earlier steps ask for";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {{{"target", "that of the wrapped estimator"},
             {"unbiased", "as the wrapped estimator"},
             {"forward passes", "min to max times the wrapped estimator's per text"},
             {"variance",
              "1 / n of the wrapped one's, n chosen from the steps before so that a margin's "
              "standard error is near the wanted one"},
             {"source", "the seeds' adaptive steps, without optional stopping"}}};
  }
  /// ConfigError for options that are not legal, or for a wrapped estimator that has no standard
  /// errors or adapts itself.
  Adaptive(const Options& options, const Services& services);
  Adaptive(const Options& options, AnyScoreEstimator wrapped);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t scored) const { return wrapped_.target(scored); }
  [[nodiscard]] Target target(std::int64_t scored, const AnyForwardProcess& process) const {
    return wrapped_.target(scored, process);
  }
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t scored) const {
    return repetitions_ * wrapped_.nominal_copies(scored);
  }
  [[nodiscard]] bool reads_schedule() const { return wrapped_.reads_schedule(); }
  [[nodiscard]] Adaptation adaptation() const {
    return {options_.min, options_.max, options_.standard_error, options_.smoothing};
  }
  /// The same estimator at so many repetitions, within [min, max].
  [[nodiscard]] Adaptive at(std::int64_t evaluations) const;

 private:
  Options options_;
  AnyScoreEstimator wrapped_;
  std::int64_t repetitions_;
};
static_assert(Component<Adaptive> && ScoreEstimator<Adaptive>);

}  // namespace lldm
