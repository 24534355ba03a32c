// SPDX-License-Identifier: MIT
#include "lldm/objective/f_divergence.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp_max.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/log_sigmoid.h>

#include <cmath>

namespace lldm {

void FDivergence::check(config::OptionsCheck& check) const {
  if (type != FDivergenceType::alpha_divergence && alpha != FDivergence{}.alpha)
    check.warning("alpha", "alpha has no effect with this `type`",
                  "it is read by type = \"alpha_divergence\"");
}

at::Tensor divergence_scores(const at::Tensor& log_ratios, const FDivergence& divergence) {
  constexpr double kMostForward = 340, kMostAlpha = 80;
  switch (divergence.type) {
    case FDivergenceType::reverse_kl:
      break;
    case FDivergenceType::forward_kl:
      return 1.0 - at::exp(at::clamp_max(-log_ratios, kMostForward));
    case FDivergenceType::js_divergence:
      return std::log(2.0) + at::log_sigmoid(log_ratios);
    case FDivergenceType::alpha_divergence: {
      const double power = divergence.alpha - 1.0;
      if (power == 0.0) break;
      return at::expm1(at::clamp_max(log_ratios * power, kMostAlpha)) / power;
    }
  }
  return log_ratios;
}

at::Tensor preference_margins(const ScoreSet& scores, const FDivergence& divergence,
                              Normalize normalize) {
  at::Tensor each = divergence_scores(log_ratios(scores, Normalize::none), divergence);
  if (normalize == Normalize::response_length) each = each / scores.lengths;
  return each.select(1, 0) - each.select(1, 1);
}

ScoreUse use_of_margins(const FDivergence& divergence, Normalize normalize) {
  const bool is_linear =
      divergence.type == FDivergenceType::reverse_kl ||
      (divergence.type == FDivergenceType::alpha_divergence && divergence.alpha == 1.0);
  return is_linear && normalize == Normalize::none ? ScoreUse::difference : ScoreUse::each;
}

}  // namespace lldm
