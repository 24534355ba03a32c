// SPDX-License-Identifier: MIT
// Sample moments of a study's repeats.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "lldm/stage/run_context.hpp"

namespace lldm {

/// What one repeat of one estimator gave; scores are [B * 2], chosen before rejected.
struct StudyRepeat {
  std::vector<double> policy, reference;  // nats
  std::vector<double> losses;             // [B] of every pair alone
  at::Tensor gradient;                    // of the mean loss, one tensor, float64
  double seconds = 0;
};

/// Means and variances over repeats, averaged over the texts (or pairs).
class StudyMoments {
 public:
  explicit StudyMoments(std::size_t pairs) : pairs_(pairs) {}

  void add(StudyRepeat repeat);
  void add_passes(std::int64_t copies) { passes_ += static_cast<double>(copies); }

  /// `name`: mean over texts of (mean score - truth), nats; `name`_standard_error: over repeats,
  /// and of the truth itself where that was sampled; `name`_low and _high: 1.96 of them to each
  /// side.
  void add_bias(Result& metrics, const std::string& name, const std::vector<double>& truth,
                double truth_error) const;
  /// loss_bias: mean loss minus the loss at the true scores (Jensen's share included).
  void add_loss_bias(Result& metrics, const std::vector<double>& true_losses) const;
  /// score_variance, log_ratio_variance, margin_variance [nats^2], loss_variance, gradient_variance
  /// (trace), gradient_noise (over the squared norm of the mean), policy_reference_correlation,
  /// seconds (median), evaluated_passes_per_text.
  void add_variances(Result& metrics) const;
  /// margin_sign_agreement: share of repeats and pairs whose margin has the true margin's sign.
  void add_margin_signs(Result& metrics, const std::vector<double>& policy,
                        const std::vector<double>& reference) const;

 private:
  [[nodiscard]] double margin(const StudyRepeat& repeat, std::size_t pair) const;

  std::size_t pairs_;
  std::vector<StudyRepeat> repeats_;
  double passes_ = 0;
};

}  // namespace lldm
