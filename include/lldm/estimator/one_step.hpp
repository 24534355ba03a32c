// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/score_estimator.hpp"
#include "lldm/config/options_check.hpp"

namespace lldm {

/// Everything masked, scored in one forward pass: S = sum_i log p(y_i | x).
///
/// With prompt_mask_probability > 0 every prompt token is masked with that probability first, as a
/// cheap variation between draws (d1).
/// Target  trajectory_elbo(1), exactly, when the prompt is left alone (nothing is drawn then);
///         none when it is masked.  It ignores all dependence between the answer's tokens.
/// Cost    1 forward pass per text and replicate.
/// Random  one uniform per prompt token and replicate when the prompt is masked.
/// Source  Zhao et al. 2025 (d1, arXiv:2504.12216), diffu-GRPO with p_mask_prompt = 0.15.
class OneStep {
 public:
  struct Options {
    double prompt_mask_probability = 0.0;
    std::int64_t replicates = 1;
    static constexpr auto describe() {
      return std::tuple{field("prompt_mask_probability", &Options::prompt_mask_probability,
                              "Chance of every prompt token to be masked (d1: 0.15); above 0 the "
                              "score has no target.")
                            .range(0.0, 1.0),
                        field("replicates", &Options::replicates,
                              "Independent draws of the prompt's masks, averaged.")
                            .range(1, 4096)};
    }
    /// Replicates differ only in the prompt's masks.
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "one_step"; }
  static constexpr std::string_view description() {
    return "the whole answer masked, one forward pass; exact for trajectory_elbo(1), no target "
           "with "
           "a masked prompt";
  }
  static constexpr std::array<Fact, 5> facts() {
    return {{{"target", "trajectory_elbo(1, uniform_time); none with a masked prompt"},
             {"unbiased", "yes for the former"},
             {"forward passes", "replicates per text"},
             {"variance", "none without a masked prompt: nothing is drawn"},
             {"source", "d1 (arXiv:2504.12216)"}}};
  }
  /// ConfigError for options that are not legal.
  explicit OneStep(const Options& options);

  [[nodiscard]] ScorePlan plan(const Text& text, const AnyForwardProcess& process,
                               const TextDraws& draws) const;
  [[nodiscard]] Target target(std::int64_t) const {
    return options_.prompt_mask_probability > 0 ? Target{"none", false}
                                                : Target{"trajectory_elbo(1, uniform_time)", true};
  }
  [[nodiscard]] std::int64_t nominal_copies(std::int64_t) const { return options_.replicates; }
  [[nodiscard]] bool reads_schedule() const { return false; }

 private:
  Options options_;
};
static_assert(Component<OneStep> && ScoreEstimator<OneStep>);

}  // namespace lldm
