// SPDX-License-Identifier: MIT
// What the losses of pairs against a reference have in common.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/objective.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/objective/f_divergence.hpp"
#include "lldm/objective/normalize.hpp"

namespace lldm {

/// The key `beta` of a preference loss's Options.
template <class Options>
constexpr auto beta_field() {
  return field("beta", &Options::beta,
               "Strength of the pull to the reference; ipo, sppo_hard: targets are 1 / (2 beta).")
      .above(0.0)
      .unit("1/nat");
}

/// Keys of a loss that reads the parts of the scores by evaluation.
struct BetaOptions {
  double beta = 0.1;
  static constexpr auto describe() { return std::tuple{beta_field<BetaOptions>()}; }
};

/// Keys of a loss of each answer's log-ratio.
struct RatioOptions {
  double beta = 0.1;
  Normalize normalize = Normalize::none;
  double ld_alpha = 1.0;
  static constexpr auto describe() {
    return std::tuple{beta_field<RatioOptions>(), normalize_field<RatioOptions>(),
                      ld_alpha_field<RatioOptions>()};
  }
};

/// Keys of a loss of the margin of divergence scores.
struct MarginOptions {
  double beta = 0.1;
  Normalize normalize = Normalize::none;
  FDivergence f_divergence = {};
  double ld_alpha = 1.0;
  static constexpr auto describe() {
    return std::tuple{beta_field<MarginOptions>(), normalize_field<MarginOptions>(),
                      field("f_divergence", &MarginOptions::f_divergence,
                            "The divergence of the implicit reward."),
                      ld_alpha_field<MarginOptions>()};
  }
};

/// -(1 - eps) log sigmoid(m) - eps log sigmoid(-m), elementwise.
at::Tensor smoothed_log_sigmoid(const at::Tensor& margins, double eps);

/// The columns of [B, 2]: chosen, rejected.
std::pair<at::Tensor, at::Tensor> columns_of(const at::Tensor& pairs);

/// A loss of pairs against a reference: a sum over pairs (and evaluations) of `losses(scores)`,
/// with TRL's preference metrics.  `Loss` derives from it and has
///   1. `name()`, `description()`;
///   2. `losses(scores)`, every pair's loss, [B] or [B, N] float64, with autograd;
///   3. `use()` where its dependence on the scores is not the one that its keys say.
/// `O` is one of the key sets above, or a struct with keys of its own and one of them as its part
/// `shared`.
template <class Loss, OptionsStruct O>
class PairLoss {
 public:
  using Options = O;
  /// ConfigError for options that are not legal.
  explicit PairLoss(const Options& options) : options_(options) {
    config::require_legal(options, "[objective] " + std::string(Loss::name()));
  }

  [[nodiscard]] ObjectiveNeeds needs() const {
    ObjectiveNeeds needs{.group_size = 2,
                         .reference = true,
                         .use = static_cast<const Loss&>(*this).use(),
                         .denominator = Denominator::groups};
    if constexpr (requires { keys().ld_alpha; }) needs.beyond_shared_length = keys().ld_alpha;
    return needs;
  }
  [[nodiscard]] ObjectiveResult evaluate(const ScoreSet& scores) const {
    return {static_cast<const Loss&>(*this).losses(scores).sum(),
            preference_metrics(scores, beta())};
  }
  /// A margin of equally weighed scores depends on their difference alone; per-token scores and
  /// curved divergences weigh the two answers differently.
  [[nodiscard]] ScoreUse use() const {
    if constexpr (requires { keys().f_divergence; })
      return use_of_margins(keys().f_divergence, keys().normalize);
    else if constexpr (requires { keys().normalize; })
      return ScoreUse::each;
    else
      return ScoreUse::parts;
  }

 protected:
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] double beta() const { return keys().beta; }
  /// Chosen minus rejected divergence score, [B].
  [[nodiscard]] at::Tensor margins(const ScoreSet& scores) const {
    return preference_margins(scores, keys().f_divergence, keys().normalize);
  }
  /// Policy minus reference of each answer, [B, 2].
  [[nodiscard]] at::Tensor ratios(const ScoreSet& scores) const {
    return log_ratios(scores, keys().normalize);
  }
  [[nodiscard]] const auto& keys() const {
    if constexpr (requires { options_.shared; })
      return options_.shared;
    else
      return options_;
  }

 private:
  Options options_;
};

}  // namespace lldm
