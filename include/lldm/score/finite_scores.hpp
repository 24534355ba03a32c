// SPDX-License-Identifier: MIT
// Who is named when a score or a loss is not finite.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "lldm/score/engine.hpp"

namespace lldm {

/// How the parts of a stage are called in an error about its numbers.
struct ScoreLabels {
  std::string where = "scores";  // "stage \"tuned\""
  std::string policy = "the policy's denoiser";
  std::string reference = "the reference's denoiser";
  std::string score_estimator = "the score estimator";
  std::string objective = "the objective";
  /// A row by its id ("pairs.jsonl:17"); empty: "row 17".
  std::function<std::string(std::uint64_t)> row = {};
  [[nodiscard]] std::string row_text(std::uint64_t id) const;
};

/// Refuses scores that are not finite: of the policy, of the reference, of mismatched answers.
///
/// The component named is the estimator where a plan's own weights or constant are not usable, else
/// the denoiser.  `ids`: of the batch's groups.  `when`: " at optimizer step 3", or nothing;
/// `hint`: last line, or nothing.
///
/// Errors  Error, listing the first rows and how many more there are.
void require_finite_scores(const ScoreBatch& batch, const ScoreSet& scores,
                           std::span<const std::uint64_t> ids, const ScoreLabels& labels,
                           const std::string& when = "", const std::string& hint = "");

/// Refuses a loss that is not finite although every score is: names the objective, its term where
/// it has terms, and the rows whose own loss is not finite (all of them where the loss couples
/// rows).
void require_finite_loss(double loss, const ScoreSet& scores, const LossFunction& loss_of,
                         std::span<const std::uint64_t> ids, const ScoreLabels& labels,
                         const std::string& when = "", const std::string& hint = "");

/// Refuses slopes dLoss/dS that are not finite at finite scores and a finite loss.
void require_finite_slopes(const ScoreSet& scores, const LossFunction& loss_of,
                           std::span<const std::uint64_t> ids, const ScoreLabels& labels,
                           const std::string& when = "", const std::string& hint = "");

}  // namespace lldm
