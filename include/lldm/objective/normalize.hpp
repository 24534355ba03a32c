// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <type_traits>

#include "lldm/concepts/score_set.hpp"
#include "lldm/config/field.hpp"

namespace lldm {

/// Whether a preference loss sees scores in nats or in nats per scored token.  It changes what beta
/// means.
enum class Normalize : std::uint8_t { none, response_length };
constexpr auto choices(std::type_identity<Normalize>) {
  return std::array{Choice<Normalize>{"none", Normalize::none},
                    Choice<Normalize>{"response_length", Normalize::response_length}};
}

/// The key `normalize` of an objective's Options.
template <class Options>
constexpr auto normalize_field() {
  return field("normalize", &Options::normalize,
               "none: scores in nats; response_length: per scored token (changes what beta means).")
      .renamed_from("normalise");
}

/// The key `ld_alpha` of an objective's Options.
template <class Options>
constexpr auto ld_alpha_field() {
  return field("ld_alpha", &Options::ld_alpha,
               "Weight of the scored tokens behind the length of the pair's shorter answer, in "
               "policy and reference (LD-DPO, arXiv:2409.06411); 1: all count alike.")
      .range(0.0, 1.0);
}

/// The policy's scores [B, G], per scored token under response_length.
at::Tensor policy_scores(const ScoreSet& scores, Normalize normalize);

/// Minus the score per scored token of every group's first answer, [B]: what sft sums.
at::Tensor chosen_nats_per_token(const ScoreSet& scores);

/// Policy minus reference score per answer, [B, G] float64; divided by the answer's own scored
/// length under response_length.  ShapeError without a reference.
at::Tensor log_ratios(const ScoreSet& scores, Normalize normalize);

/// TRL's metric names over a set of pairs: rewards/{chosen,rejected,accuracies,margins} (beta times
/// the un-normalised log-ratio) and logps/{chosen,rejected}.  A tie counts one half (win.hpp).
std::map<std::string, Mean> preference_metrics(const ScoreSet& scores, double beta);

/// The same names for rewards [B, G] given by the objective: the first answer is the chosen one,
/// the last the rejected one, and the accuracy is the share of the answers' pairs (b, i < j) whose
/// rewards are in that order, ties one half.
std::map<std::string, Mean> reward_metrics(const ScoreSet& scores, const at::Tensor& rewards);

}  // namespace lldm
