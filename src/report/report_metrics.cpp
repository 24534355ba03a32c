// SPDX-License-Identifier: MIT
#include "report/report_metrics.hpp"

namespace lldm {

const std::vector<ReportMetric>& report_metrics() {
  constexpr PlotScale kLinear = PlotScale::linear, kLog = PlotScale::logarithmic;
  static const std::vector<ReportMetric> metrics = {
      {"accuracy", "Accuracy on unseen prompts", "accuracy"},
      {"superfluous_steps", "Superfluous lines on unseen prompts", "superfluous lines per answer"},
      {"preference_accuracy_per_token", "Pairs by score per token", "preference accuracy", kLinear,
       false, false},
      {"preference_accuracy", "Pairs by absolute score", "preference accuracy"},
      {"reward_accuracy", "Pairs by reward over the reference", "reward accuracy", kLinear, false,
       false},
      {"held_out_reward_accuracy", "Held-out pairs by own reward", "reward accuracy", kLinear,
       true},
      {"score_sd", "Noise of the score", "score standard deviation [nats]", kLinear, true},
      {"margin_sd", "Noise of the margin", "margin standard deviation [nats]", kLinear, true},
      {"bias", "Bias against the own target", "bias of the score [nats]"},
      {"elbo_bias", "Bias against the ELBO", "bias of the score [nats]"},
      {"score_variance", "Variance of the score", "variance [nats\u00b2]", kLog},
      {"margin_variance", "Variance of the margin", "variance [nats\u00b2]", kLog},
      {"loss_variance", "Variance of the loss", "variance", kLog},
      {"gradient_variance", "Variance of the gradient", "variance", kLog},
      {"policy_reference_correlation", "Correlation of policy and reference scores", "correlation",
       kLinear, true, false}};
  return metrics;
}

}  // namespace lldm
