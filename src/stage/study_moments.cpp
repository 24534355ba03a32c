// SPDX-License-Identifier: MIT
#include "stage/study_moments.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sum.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "lldm/eval/paired_test.hpp"
#include "lldm/eval/statistics.hpp"
#include "lldm/objective/win.hpp"

namespace lldm {
namespace {

double variance(const std::vector<double>& values) {
  return std::pow(standard_deviation(values), 2);
}

}  // namespace

void StudyMoments::add(StudyRepeat repeat) { repeats_.push_back(std::move(repeat)); }

double StudyMoments::margin(const StudyRepeat& repeat, std::size_t pair) const {
  return (repeat.policy[2 * pair] - repeat.reference[2 * pair]) -
         (repeat.policy[2 * pair + 1] - repeat.reference[2 * pair + 1]);
}

void StudyMoments::add_bias(Result& metrics, const std::string& name,
                            const std::vector<double>& truth, double truth_error) const {
  std::vector<double> by_repeat;
  for (const StudyRepeat& repeat : repeats_) {
    double sum = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) sum += repeat.policy[i] - truth[i];
    by_repeat.push_back(sum / static_cast<double>(truth.size()));
  }
  metrics[name] = mean(by_repeat);
  const double error =
      std::hypot(standard_deviation(by_repeat) / std::sqrt(static_cast<double>(by_repeat.size())),
                 truth_error);
  metrics[name + "_standard_error"] = error;
  // Few repeats know their own spread badly: Student's quantile, not the normal's.
  const auto degrees = static_cast<std::int64_t>(by_repeat.size()) - 1;
  if (degrees < 1) return;
  const double half = student_quantile(0.975, degrees) * error;
  metrics[name + "_interval"] = "Student";
  metrics[name + "_low"] = mean(by_repeat) - half;
  metrics[name + "_high"] = mean(by_repeat) + half;
}

void StudyMoments::add_loss_bias(Result& metrics, const std::vector<double>& true_losses) const {
  double sum = 0;
  for (const StudyRepeat& repeat : repeats_)
    for (std::size_t b = 0; b < pairs_; ++b) sum += repeat.losses[b] - true_losses[b];
  metrics["loss_bias"] = sum / static_cast<double>(repeats_.size() * pairs_);
}

void StudyMoments::add_variances(Result& metrics) const {
  const auto n = static_cast<double>(repeats_.size());
  const auto average = [&](std::size_t items, const auto& value_of) {
    double sum = 0;
    for (std::size_t i = 0; i < items; ++i) {
      std::vector<double> values;
      for (const StudyRepeat& repeat : repeats_) values.push_back(value_of(repeat, i));
      sum += variance(values) / static_cast<double>(items);
    }
    return sum;
  };
  metrics["score_variance"] = average(
      2 * pairs_, [](const StudyRepeat& repeat, std::size_t i) { return repeat.policy[i]; });
  metrics["log_ratio_variance"] = average(2 * pairs_, [](const StudyRepeat& repeat, std::size_t i) {
    return repeat.policy[i] - repeat.reference[i];
  });
  metrics["margin_variance"] =
      average(pairs_, [&](const StudyRepeat& repeat, std::size_t b) { return margin(repeat, b); });
  metrics["loss_variance"] =
      average(pairs_, [](const StudyRepeat& repeat, std::size_t b) { return repeat.losses[b]; });
  at::Tensor mean_gradient = repeats_.front().gradient / n;
  for (std::size_t k = 1; k < repeats_.size(); ++k)
    mean_gradient = mean_gradient + repeats_[k].gradient / n;
  double trace = 0;
  for (const StudyRepeat& repeat : repeats_) {
    const at::Tensor off = repeat.gradient - mean_gradient;
    trace += (off * off).sum().item<double>() / (n - 1);
  }
  metrics["gradient_variance"] = trace;
  if (const double norm = (mean_gradient * mean_gradient).sum().item<double>(); norm > 0)
    metrics["gradient_noise"] = trace / norm;
  double both = 0, policy = 0, reference = 0;
  for (std::size_t i = 0; i < 2 * pairs_; ++i) {
    double p = 0, r = 0;
    for (const StudyRepeat& repeat : repeats_)
      p += repeat.policy[i] / n, r += repeat.reference[i] / n;
    for (const StudyRepeat& repeat : repeats_) {
      both += (repeat.policy[i] - p) * (repeat.reference[i] - r);
      policy += std::pow(repeat.policy[i] - p, 2);
      reference += std::pow(repeat.reference[i] - r, 2);
    }
  }
  // An estimator without draws has no deviations to correlate.
  const bool has_noise = policy > 1e-20 && reference > 1e-20;
  metrics["policy_reference_correlation"] =
      has_noise ? Result(both / std::sqrt(policy * reference)) : Result();
  std::vector<double> seconds;
  for (const StudyRepeat& repeat : repeats_) seconds.push_back(repeat.seconds);
  std::nth_element(seconds.begin(),
                   seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2),
                   seconds.end());
  metrics["seconds"] = seconds[seconds.size() / 2];
  metrics["evaluated_passes_per_text"] = passes_ / (n * 2 * static_cast<double>(pairs_));
}

void StudyMoments::add_margin_signs(Result& metrics, const std::vector<double>& policy,
                                    const std::vector<double>& reference) const {
  const StudyRepeat truth{policy, reference, {}, {}, 0};
  double agreed = 0;
  for (const StudyRepeat& repeat : repeats_)
    for (std::size_t b = 0; b < pairs_; ++b)
      // Opposite signs differ by one win, a tie and a sign by half of one.
      agreed += 1.0 - std::abs(win(margin(repeat, b), 0) - win(margin(truth, b), 0));
  metrics["margin_sign_agreement"] = agreed / static_cast<double>(repeats_.size() * pairs_);
}

}  // namespace lldm
