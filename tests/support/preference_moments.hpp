// SPDX-License-Identifier: MIT
// Exact moments of a pair's preference score, DPO loss and gradient under monte_carlo_elbo with n_t
// counts of n_y masks each, by enumeration of everything that both answers draw.
#pragma once

#include <cmath>
#include <vector>

#include "support/exact_moments.hpp"

namespace lldm::testing {

/// A discrete vector: every value with its probability.
struct Outcome {
  double probability = 1;
  std::vector<double> weights;  // [2^R] by subset: dS / d log p of each masked position of it
};

/// The sum of n independent vectors of one law, by multisets.
inline std::vector<Outcome> sum_of(const std::vector<Outcome>& law, int n) {
  std::vector<Outcome> sums;
  Outcome part{std::tgamma(n + 1.0), std::vector<double>(law.front().weights.size(), 0.0)};
  const auto add = [&](auto&& self, std::size_t from, int left, const Outcome& so_far) -> void {
    if (left == 0) {
      sums.push_back(so_far);
      return;
    }
    if (from == law.size()) return;
    Outcome next = so_far;
    self(self, from + 1, left, next);
    for (int k = 1; k <= left; ++k) {
      next.probability *= law[from].probability / k;
      for (std::size_t c = 0; c < next.weights.size(); ++c) next.weights[c] += law[from].weights[c];
      self(self, from + 1, left - k, next);
    }
  };
  add(add, 0, n, part);
  return sums;
}

/// The weights of one score: times x masks draws of (R / (l n)) on the masks of l positions.
inline std::vector<Outcome> score_law(int scored, int times, int masks) {
  const std::size_t subsets = std::size_t{1} << scored;
  std::vector<Outcome> one_time;
  for (int l = 1; l <= scored; ++l) {
    std::vector<Outcome> one_mask;
    for (std::size_t subset = 1; subset < subsets; ++subset) {
      if (bits(subset) != l) continue;
      one_mask.push_back({1.0 / binomial(scored, l), std::vector<double>(subsets, 0.0)});
      one_mask.back().weights[subset] = scored / (1.0 * l * times * masks);
    }
    for (Outcome& outcome : sum_of(one_mask, masks)) {
      outcome.probability /= scored;
      one_time.push_back(std::move(outcome));
    }
  }
  return sum_of(one_time, times);
}

/// One answer under a policy and a reference.
struct AnswerModels {
  SubsetTable policy, reference;
  std::vector<double> energy;  // [2^R] sum over masked i of |d log p(y_i) / d logits|^2, policy
};

inline AnswerModels answer_models(const ToyTable& policy, const ToyTable& reference,
                                  const Text& text) {
  AnswerModels models{subset_table(policy, text), subset_table(reference, text), {}};
  for (std::size_t subset = 0; subset < models.policy.subsets(); ++subset) {
    const auto copy = masked_copy(text, subset, policy.mask_token());
    double energy = 0;
    for (std::size_t i = 0; i < models.policy.size; ++i)
      for (std::int64_t v = 0; subset >> i & 1 && v < policy.vocabulary(); ++v) {
        const double p = std::exp(
            policy.log_probability(copy, static_cast<std::int64_t>(text.prompt.size() + i), v));
        energy += std::pow((v == text.response[i] ? 1.0 : 0.0) - p, 2);
      }
    models.energy.push_back(energy);
  }
  return models;
}

/// The law of an answer's policy-minus-reference score, with what its gradient needs.
struct AnswerLaw {
  struct Value {
    double probability, difference;
    std::size_t policy;  // which of `policies`
  };
  std::vector<Value> values;
  std::vector<Outcome> policies;  // the policy's weights
  std::vector<double> energy;     // [2^R]

  [[nodiscard]] double squared_gradient(std::size_t policy) const {
    double sum = 0;
    for (std::size_t m = 0; m < energy.size(); ++m)
      sum += std::pow(policies[policy].weights[m], 2) * energy[m];
    return sum;
  }
};

inline double score_of(const SubsetTable& table, const Outcome& outcome) {
  double score = 0;
  for (std::size_t m = 0; m < outcome.weights.size(); ++m)
    if (outcome.weights[m] != 0) score += outcome.weights[m] * table.sum(m);
  return score;
}

inline AnswerLaw answer_law(const AnswerModels& models, int times, int masks, bool is_shared) {
  AnswerLaw law{{}, score_law(static_cast<int>(models.policy.size), times, masks), models.energy};
  std::vector<double> policy, reference;
  for (const Outcome& outcome : law.policies) {
    policy.push_back(score_of(models.policy, outcome));
    reference.push_back(score_of(models.reference, outcome));
  }
  for (std::size_t a = 0; a < policy.size(); ++a) {
    if (is_shared) {
      law.values.push_back({law.policies[a].probability, policy[a] - reference[a], a});
      continue;
    }
    for (std::size_t b = 0; b < policy.size(); ++b)
      law.values.push_back(
          {law.policies[a].probability * law.policies[b].probability, policy[a] - reference[b], a});
  }
  return law;
}

/// What is exactly true of s = beta (chosen - rejected), of the loss -log sigmoid(s) and of its
/// gradient by the policy's logits.  V of a vector is the trace of its covariance.
struct PreferenceMoments {
  double score = 0, score_variance = 0;
  double loss = 0, loss_variance = 0;  // of the sampled loss
  double loss_at_score = 0;            // -log sigmoid(E s)
  double gradient_variance = 0;        // of f'(s) grad s
  double gradient_norm = 0;            // |E f'(s) grad s|
  double gradient_bias = 0;            // |E f'(s) grad s - f'(E s) E grad s|
  double score_gradient_variance = 0;  // of grad s
  double largest_score_gradient = 0;   // max |grad s|: C of Theorem 4
  [[nodiscard]] double loss_bias() const { return loss - loss_at_score; }
};

inline double dpo_loss(double s) { return std::max(-s, 0.0) + std::log1p(std::exp(-std::abs(s))); }
inline double dpo_slope(double s) { return -1.0 / (1.0 + std::exp(s)); }

/// Chosen and rejected draw independently; no state of one is a state of the other (their rows of
/// the table differ, as those of answers of different lengths do).
inline PreferenceMoments preference_moments(const AnswerLaw& chosen, const AnswerLaw& rejected,
                                            double beta) {
  const AnswerLaw* answers[] = {&chosen, &rejected};
  PreferenceMoments moments;
  double squares = 0, loss_squares = 0, gradient_squares = 0;
  std::vector<double> slopes[2], norms[2];
  for (const int g : {0, 1}) {
    slopes[g].assign(answers[g]->policies.size(), 0.0);
    for (std::size_t p = 0; p < slopes[g].size(); ++p)
      norms[g].push_back(beta * beta * answers[g]->squared_gradient(p));
  }
  for (const AnswerLaw::Value& w : chosen.values)
    for (const AnswerLaw::Value& l : rejected.values) {
      const double p = w.probability * l.probability, s = beta * (w.difference - l.difference);
      const double e = std::exp(-std::abs(s));  // for the loss and its slope
      const double loss = std::max(-s, 0.0) + std::log1p(e);
      const double slope = -(s >= 0 ? e : 1.0) / (1.0 + e);
      const double squared = norms[0][w.policy] + norms[1][l.policy];
      moments.score += p * s, squares += p * s * s;
      moments.loss += p * loss, loss_squares += p * loss * loss;
      gradient_squares += p * slope * slope * squared;
      slopes[0][w.policy] += p * slope, slopes[1][l.policy] += p * slope;
      moments.largest_score_gradient = std::max(moments.largest_score_gradient, std::sqrt(squared));
    }
  moments.score_variance = squares - moments.score * moments.score;
  moments.loss_variance = loss_squares - moments.loss * moments.loss;
  moments.loss_at_score = dpo_loss(moments.score);
  double of_mean = 0, bias = 0, score_gradient = 0;
  for (const int g : {0, 1})
    for (std::size_t m = 0; m < answers[g]->energy.size(); ++m) {
      double weighted = 0, mean = 0, square = 0;  // of beta W_m
      for (std::size_t p = 0; p < answers[g]->policies.size(); ++p) {
        const Outcome& outcome = answers[g]->policies[p];
        weighted += beta * slopes[g][p] * outcome.weights[m];
        mean += beta * outcome.probability * outcome.weights[m];
        square += std::pow(beta * outcome.weights[m], 2) * outcome.probability;
      }
      const double energy = answers[g]->energy[m];
      of_mean += weighted * weighted * energy;
      bias += std::pow(weighted - dpo_slope(moments.score) * mean, 2) * energy;
      score_gradient += (square - mean * mean) * energy;
    }
  moments.gradient_variance = gradient_squares - of_mean;
  moments.gradient_norm = std::sqrt(of_mean);
  moments.gradient_bias = std::sqrt(bias);
  moments.score_gradient_variance = score_gradient;
  return moments;
}

}  // namespace lldm::testing
