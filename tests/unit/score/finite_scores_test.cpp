// SPDX-License-Identifier: MIT
#include "lldm/score/finite_scores.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sqrt.h>
#include <ATen/ops/sum.h>

#include <limits>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/score_sets.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
const std::vector<std::uint64_t> kIds = {3, 4, 9};

ScoreBatch batch_of_three() {
  ScoreBatch batch;
  batch.group_size = 2;
  batch.plans.resize(6);
  for (ScorePlan& plan : batch.plans) plan.queries = {{0, 0, 1, 2.0}};
  return batch;
}

ScoreLabels labels() {
  return {.where = "stage \"tuned\"",
          .policy = "denoiser \"llada\"",
          .reference = "denoiser of ./start",
          .score_estimator = "score_estimator \"mine\" (plugin mine 0.1)",
          .objective = "objective \"margin\"",
          .row = [](std::uint64_t id) { return message("pairs.jsonl:", id); }};
}

ScoreSet set_of(const std::vector<double>& policy, const std::vector<double>& reference) {
  return score_set(2, policy, reference, {1, 1, 1, 1, 1, 1});
}

ObjectiveResult root_of_margin(const ScoreSet& set) {
  const at::Tensor margin = set.policy.select(1, 0) - set.policy.select(1, 1);
  return {at::sqrt(margin).sum(), {{"loss/root", {at::sqrt(margin).sum().item<double>(), 1}}}};
}

}  // namespace

TEST_CASE("require_finite_scores names the denoiser and the rows", "[score][finite_scores]") {
  const std::vector<double> fine = {-1, -2, -3, -4, -5, -6};
  CHECK_NOTHROW(require_finite_scores(batch_of_three(), set_of(fine, fine), kIds, labels()));
  CHECK_THROWS_WITH(
      require_finite_scores(batch_of_three(), set_of({-1, kNan, -3, -4, kNan, -6}, fine), kIds,
                            labels(), " at optimizer step 7", "try again"),
      "stage \"tuned\": the policy's score is nan at optimizer step 7\n"
      "  from denoiser \"llada\", of pairs.jsonl:3 (rejected), pairs.jsonl:9 (chosen)\n"
      "  try again");
  CHECK_THROWS_WITH(
      require_finite_scores(batch_of_three(), set_of(fine, {-1, -2, -kInfinity, -4, -5, -6}), kIds,
                            labels()),
      "stage \"tuned\": the reference's score is -inf\n"
      "  from denoiser of ./start, of pairs.jsonl:4 (chosen)");
}

TEST_CASE("require_finite_scores names the estimator whose own plan is no number",
          "[score][finite_scores]") {
  ScoreBatch batch = batch_of_three();
  batch.plans[3].queries[0].weight = kInfinity;
  CHECK_THROWS_WITH(
      require_finite_scores(batch, set_of({-1, -2, -3, -kInfinity, -5, -6}, {}), kIds, labels()),
      "stage \"tuned\": the policy's score is -inf\n"
      "  from score_estimator \"mine\" (plugin mine 0.1), of pairs.jsonl:4 (rejected)");
}

// promise 9
TEST_CASE("require_finite_loss names the objective, its term and the rows that give it",
          "[score][finite_scores]") {
  const ScoreSet set = set_of({-1, -2, -4, -3, -5, -6}, {});
  CHECK_THROWS_WITH(require_finite_loss(kNan, set, root_of_margin, kIds, labels()),
                    "stage \"tuned\": the loss is nan at finite scores\n"
                    "  from objective \"margin\", term \"root\", of pairs.jsonl:4");
  CHECK_NOTHROW(require_finite_loss(1.0, set, root_of_margin, kIds, labels()));
}

TEST_CASE("require_finite_slopes finds a slope that is not finite at a finite loss",
          "[score][finite_scores]") {
  const ScoreSet set = set_of({-1, -2, -3, -3, -5, -6}, {});  // the root's slope at 0
  CHECK_THROWS_WITH(require_finite_slopes(set, root_of_margin, kIds, labels()),
                    "stage \"tuned\": the slope of the loss by a score is not finite\n"
                    "  from objective \"margin\", of pairs.jsonl:4");
  CHECK_NOTHROW(
      require_finite_slopes(set_of({-1, -2, -3, -4, -5, -6}, {}), root_of_margin, kIds, labels()));
}
