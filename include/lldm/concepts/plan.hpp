// SPDX-License-Identifier: MIT
// What a score estimator says: which noised copies to look at, which tokens to ask there, with
// which weights.  It knows no model, no gradient, no device.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lldm/concepts/attention_pattern.hpp"

namespace lldm {

/// One text to be scored: the prompt is context, the response is the scored canvas.
struct Text {
  std::vector<std::int64_t> prompt;    // [P] token ids, never noised by the built-in estimators
  std::vector<std::int64_t> response;  // [R] token ids, end-of-text padding included
  /// Scored positions of the canvas: the first `scored` response tokens.  Equals R unless
  /// `score_padding = "exclude"`; the rest stays visible and clean.
  std::int64_t scored = -1;
  /// [R] the step at which a sampler wrote each response token, or empty where none was recorded.
  std::vector<std::int64_t> reveal_step = {};

  [[nodiscard]] std::int64_t length() const {
    return static_cast<std::int64_t>(prompt.size() + response.size());
  }
  [[nodiscard]] std::int64_t num_scored() const {
    return scored >= 0 ? scored : static_cast<std::int64_t>(response.size());
  }
};

/// How the row of probabilities at a queried position becomes one number.
enum class Readout : std::uint8_t {
  log_probability,  // log p(target)
  log_posterior,    // log(a + b p(target) + c p(other)): a reverse step of uniform-state noise
};

/// What a `log_posterior` query reads beside its target: a linear functional of the row.
struct PosteriorReadout {
  std::int64_t other = 0;  // second token id
  double constant = 0;     // a
  double of_target = 0;    // b
  double of_other = 0;     // c
};

/// How the readouts of a plan become the score.
enum class Combination : std::uint8_t {
  sum,           // S = c + sum_q w_q r_q
  log_mean_exp,  // S = c + sum_groups (1/sharpness) log sum_q w_q exp(sharpness r_q)
};

/// "At this position of this noised copy, what does the model say of this token, and how much does
/// it count?"
struct Query {
  std::int32_t copy;       // which noised copy, in [0, copies)
  std::int32_t position;   // in the whole text (prompt + response)
  std::int64_t target;     // token id
  double weight;           // nats per unit of the readout
  std::int32_t group = 0;  // position group of log_mean_exp
};

/// Who made a plan: what an error says of a wrong one.
struct PlanOrigin {
  std::string component;  // "score_estimator \"monte_carlo_elbo\""
  std::string plugin;     // "remask 0.1.2"; "" for lldm's own
};

/// A likelihood bound (or surrogate) of one text as a weighted set of token queries on noised
/// copies:
///     S = constant + sum_q weight_q * readout_q        [nats]
///
/// Copies that no query asks are kept in `nominal_copies` (budgets compare those) and dropped from
/// `tokens` (they are not evaluated).
struct ScorePlan {
  std::int64_t length = 0;                   // tokens of every copy: prompt + response
  std::int64_t num_prompt = 0;               // P
  std::int64_t num_scored = 0;               // R
  std::int64_t nominal_copies = 0;           // forward passes that the options ask for
  std::vector<std::int64_t> tokens;          // [copies * length], row-major
  std::vector<Query> queries;                // by copy, then position
  std::vector<PosteriorReadout> posteriors;  // [queries] for Readout::log_posterior, else empty
  std::vector<std::int32_t> replicate;  // [copies] which independent replicate a copy belongs to
  /// [copies] which of the evaluations asked for a copy is (a step, a draw), dropped ones counted:
  /// equal options give equal slots to the answers of one prompt.  Empty: the copies themselves.
  std::vector<std::int32_t> slot;
  std::int32_t asked = 0;   // evaluations asked for so far: one more than the last slot
  std::int64_t noised = 0;  // noised positions of all copies together
  /// [asked] times in [0, 1] of the evaluations asked for, where they were drawn uniformly from an
  /// interval and every evaluation weighs the same; else empty.
  std::vector<double> times;
  /// [queries] a uniform number each where the path is the model's own: before a copy is read,
  /// every position that an earlier copy of the same replicate asked for holds the token that the
  /// model draws there with this number.  Empty: the copies stand as they are.
  std::vector<double> path_uniforms;
  std::int32_t num_replicates =
      1;                  // >= 2 only if the replicates are independent and identically drawn
  double constant = 0.0;  // nats
  /// [num_replicates] every replicate's share of `constant` (they sum to it), or empty when the
  /// replicates do not differ in it; read by standard errors alone.
  std::vector<double> replicate_constants;
  double sharpness = 1.0;  // of log_mean_exp
  Readout readout = Readout::log_probability;
  Combination combination = Combination::sum;
  AttentionPattern attention;                     // of every copy
  std::shared_ptr<const PlanOrigin> origin = {};  // null: nobody registered made it

  [[nodiscard]] std::int64_t copies() const {
    return length == 0 ? 0 : static_cast<std::int64_t>(tokens.size()) / length;
  }
  [[nodiscard]] std::span<const std::int64_t> copy(std::int64_t index) const {
    return {tokens.data() + index * length, static_cast<std::size_t>(length)};
  }
};

/// The quantity a score estimates, with what identifies it: "elbo", "trajectory_elbo(16,
/// uniform_time)", "elbo_truncated(0.001)", "none".
struct Target {
  std::string name;
  bool is_unbiased = false;
  Combination combination = Combination::sum;  // of its plans: which gradient paths are exact
};

}  // namespace lldm
