// SPDX-License-Identifier: MIT
// What the engine and the gradient paths refuse, with their messages.
#include <array>

#include "lldm/errors.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/pretraining.hpp"
#include "lldm/objective/sft.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

/// The text of the error that `path` is refused with, or "".
std::string refusal(GradientPath path, const ObjectiveNeeds& needs,
                    Combination combination = Combination::sum) {
  try {
    check_gradient_path(path, needs, combination);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

/// A pair loss with the declarations and the formula given by the test.
struct Custom {
  ObjectiveNeeds declared;
  std::function<at::Tensor(const ScoreSet&)> loss;
  ObjectiveNeeds needs() const { return declared; }
  ObjectiveResult evaluate(const ScoreSet& scores) const { return {loss(scores), {}}; }
};

}  // namespace

TEST_CASE("exact_gradient_paths: automatic chooses among all that are exact, and no other",
          "[score][gradient_path]") {
  const std::array all{GradientPath::linear, GradientPath::retain, GradientPath::pairwise,
                       GradientPath::replay};
  for (const auto use :
       {ScoreUse::linear, ScoreUse::difference, ScoreUse::each, ScoreUse::coupled, ScoreUse::parts})
    for (const std::int64_t group : {1, 2, 3})
      for (const bool mismatched : {false, true})
        for (const auto combination : {Combination::sum, Combination::log_mean_exp}) {
          if (use == ScoreUse::parts && combination != Combination::sum) continue;  // refused
          ObjectiveNeeds needs{.group_size = group, .use = use};
          needs.mismatched = mismatched;
          std::vector<GradientPath> wanted;
          for (const GradientPath path : all)
            if (refusal(path, needs, combination).empty()) wanted.push_back(path);
          if (wanted.front() == GradientPath::linear) wanted.resize(1);
          CHECK((exact_gradient_paths(needs, combination) == wanted));
        }
}

TEST_CASE("check_gradient_path: every inexact combination is refused with reason and remedy",
          "[score][gradient_path]") {
  const ObjectiveNeeds dpo = Dpo({}).needs(), sft = Sft({}).needs();
  ObjectiveNeeds coupled = dpo;
  coupled.use = ScoreUse::coupled;
  CHECK(
      refusal(GradientPath::linear, dpo) ==
      "gradient_path = \"linear\" is not exact here: the objective's weights depend on the scores\n"
      "  use retain, replay or pairwise");
  CHECK(refusal(GradientPath::linear, sft, Combination::log_mean_exp) ==
        "gradient_path = \"linear\" is not exact here: the estimator combines its readouts "
        "non-linearly\n  use retain or replay");
  CHECK(refusal(GradientPath::pairwise, coupled) ==
        "gradient_path = \"pairwise\" is not exact here: the objective couples pairs of the whole "
        "step\n  use retain or replay");
  CHECK(refusal(GradientPath::pairwise, sft) ==
        "gradient_path = \"pairwise\" is not exact here: the objective does not compare two "
        "answers\n  use linear, retain or replay");
  CHECK(refusal(GradientPath::pairwise, dpo, Combination::log_mean_exp) ==
        "gradient_path = \"pairwise\" is not exact here: the estimator combines its readouts "
        "non-linearly\n  use retain or replay");
  for (const auto path : {GradientPath::retain, GradientPath::replay}) {
    CHECK(refusal(path, coupled) == "");
    CHECK(refusal(path, dpo, Combination::log_mean_exp) == "");
  }
  CHECK(refusal(GradientPath::pairwise, dpo) == "");
  CHECK(refusal(GradientPath::linear, sft) == "");
  CHECK(pairwise_buffers(dpo) == 1);
  CHECK(pairwise_buffers(Dpo({.normalize = Normalize::response_length}).needs()) == 2);
}

TEST_CASE("ScoreEngine: steps that cannot be exact are refused", "[score][engine]") {
  const EngineWorld world;
  const ScoreBatch batch = toy_batch(toy_texts(2, 2), 2, MonteCarloElbo({.draws = 2}));
  const AnyObjective dpo = Dpo({});
  CHECK_THROWS_WITH(world.gradient(batch, dpo, GradientPath::linear),
                    contains("the objective's weights depend on the scores"));
  CHECK_THROWS_WITH(world.gradient(batch, dpo, GradientPath::automatic),
                    contains("choose a gradient path"));
  CHECK_THROWS_WITH(world.gradient(batch, Sft({}), GradientPath::linear),
                    contains("4 plans in groups of 2, the objective compares 1"));
  const ScoreEngine<TableDenoiser> alone(world.policy, nullptr);
  CHECK_THROWS_WITH(
      alone.step(batch, totals_of(batch), dpo.needs(), loss_of(dpo), GradientPath::retain),
      contains("needs a reference model"));
}

TEST_CASE("ScoreEngine: an objective that breaks its own declaration is found out",
          "[score][engine]") {
  const EngineWorld world;
  const ScoreBatch batch = toy_batch(toy_texts(2, 2), 2, MonteCarloElbo({.draws = 2}));
  const ObjectiveNeeds difference{2, false, ScoreUse::difference, Denominator::groups};
  const Custom sum_of_scores{difference, [](const ScoreSet& s) { return s.policy.square().sum(); }};
  CHECK_THROWS_WITH(world.gradient(batch, sum_of_scores, GradientPath::pairwise),
                    contains("slopes by the two scores are not opposite"));
  const Custom no_policy{difference, [](const ScoreSet& s) { return s.lengths.sum(); }};
  CHECK_THROWS_WITH(world.gradient(batch, no_policy, GradientPath::retain),
                    contains("does not depend on the policy's scores"));
  // A step-wise loss reads parts: exact by retain and replay, unknown to pairwise.
  const Custom by_parts{{2, false, ScoreUse::each, Denominator::groups},
                        [](const ScoreSet& s) { return s.parts.square().sum() + s.policy.sum(); }};
  const auto retained = world.gradient(batch, by_parts, GradientPath::retain).first;
  CHECK(relative_distance(world.gradient(batch, by_parts, GradientPath::replay).first, retained) <=
        1e-12);
  CHECK_THROWS_WITH(world.gradient(batch, by_parts, GradientPath::pairwise),
                    contains("the objective reads their parts"));
}
