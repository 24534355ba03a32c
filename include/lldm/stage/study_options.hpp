// SPDX-License-Identifier: MIT
// The keys of a [[stage]] table of kind "study".
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "lldm/config/component_ref.hpp"
#include "lldm/config/field.hpp"
#include "lldm/data/response_length.hpp"
#include "lldm/experiment/data_options.hpp"
#include "lldm/experiment/score_padding.hpp"

namespace lldm {

namespace config {
class OptionsCheck;
}

/// A sampled truth is taken in so many independent parts, so that its own error is known.
inline constexpr std::int64_t kTruthReplicates = 8;

/// A stage that measures score estimators on a policy and its reference: bias, variances of score,
/// margin, loss and gradient, seconds.  Every entry of `score_estimators` is one row of the report.
struct StudyStage {
  std::string name;
  std::string kind;
  std::string from;
  std::string reference;
  DataRef pairs = {};
  std::vector<ComponentRef<Role::score_estimator>> score_estimators;
  ComponentRef<Role::forward_process> forward_process = "masked";
  ComponentRef<Role::objective> objective = {};
  ResponseLength response_length = {};
  ScorePadding score_padding = ScorePadding::include;
  std::int64_t limit = 16;
  std::int64_t repeats = 64;
  std::int64_t truth_draws = 0;
  std::int64_t max_tokens_per_forward = 16384;

  static constexpr auto describe() {
    using S = StudyStage;
    return std::tuple{
        field("name", &S::name, "The stage's name.").required(),
        field("kind", &S::kind, "study.").required(),
        field("from", &S::from, "Stage (or model folder) whose model is the policy.").required(),
        field("reference", &S::reference, "Stage (or model folder) of the frozen reference.")
            .required(),
        field("pairs", &S::pairs, "Pairs that are scored: { stage = NAME } or { file = PATH }.")
            .required(),
        field("score_estimators", &S::score_estimators,
              "The estimators to compare, each a component table; the forward passes they ask for "
              "are their budget.")
            .required(),
        field("forward_process", &S::forward_process, "How text is noised."),
        field("objective", &S::objective, "The loss whose noise is measured."),
        field("response_length", &S::response_length, "Answer canvas; as in training."),
        field("score_padding", &S::score_padding, "As in training."),
        field("limit", &S::limit, "Measure at most so many pairs: one step of the loss.")
            .range(1, 4096)
            .unit("pairs"),
        field("repeats", &S::repeats, "Independent draws of everything, for the variances.")
            .range(2, 65536),
        field(
            "truth_draws", &S::truth_draws,
            "Where the bias is measured from: 0 enumerates every mask (answers of at most 12 "
            "tokens); N, a multiple of 8, takes N stratified draws instead, and the bias has their "
            "noise too.")
            .range(0, 1 << 20)
            .unit("draws"),
        field("max_tokens_per_forward", &S::max_tokens_per_forward,
              "Sequences are packed into one forward up to this many tokens.")
            .range(1, 1 << 26)
            .unit("tokens")};
  }
  void check(config::OptionsCheck& check) const;
};

}  // namespace lldm
