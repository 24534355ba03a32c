// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include "lldm/concepts/objective.hpp"
#include "lldm/config/field.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/objective/normalize.hpp"

namespace lldm {

/// The divergence whose constraint the implicit reward belongs to.
enum class FDivergenceType : std::uint8_t {
  reverse_kl,
  forward_kl,
  js_divergence,
  alpha_divergence
};
constexpr auto choices(std::type_identity<FDivergenceType>) {
  using F = FDivergenceType;
  return std::array{Choice<F>{"reverse_kl", F::reverse_kl}, Choice<F>{"forward_kl", F::forward_kl},
                    Choice<F>{"js_divergence", F::js_divergence},
                    Choice<F>{"alpha_divergence", F::alpha_divergence}};
}

/// f_divergence = { type = "alpha_divergence", alpha = 0.5 }.
struct FDivergence {
  FDivergenceType type = FDivergenceType::reverse_kl;
  double alpha = 0.5;
  static constexpr auto describe() {
    return std::tuple{
        field("type", &FDivergence::type,
              "reverse_kl (DPO), forward_kl, js_divergence or alpha_divergence."),
        field("alpha", &FDivergence::alpha, "alpha_divergence: its coefficient; 1 is reverse_kl.")};
  }
  /// alpha belongs to alpha_divergence.
  void check(config::OptionsCheck& check) const;
};
static_assert(OptionsStruct<FDivergence>);

/// The score s(u) of a log-ratio u = policy - reference, [B, G] float64:
///   reverse_kl u;  forward_kl 1 - exp(-u);  js_divergence log 2 + log sigmoid(u);
///   alpha_divergence (exp((a - 1) u) - 1) / (a - 1), a = 1 as reverse_kl.
/// Exponents are clamped from above (forward_kl at 340, whose square still is finite; alpha at 80,
/// as TRL does), so that extreme log-ratios give finite losses.
///
/// Source  Wang et al. 2023 (f-DPO, arXiv:2309.16240); TRL's DPOTrainer.
at::Tensor divergence_scores(const at::Tensor& log_ratios, const FDivergence& divergence);

/// Chosen minus rejected divergence score, [B]; each divided by its own scored length under
/// response_length.
at::Tensor preference_margins(const ScoreSet& scores, const FDivergence& divergence,
                              Normalize normalize = Normalize::none);

/// Whether a loss of `preference_margins` depends on chosen - rejected alone.
ScoreUse use_of_margins(const FDivergence& divergence, Normalize normalize = Normalize::none);

}  // namespace lldm
