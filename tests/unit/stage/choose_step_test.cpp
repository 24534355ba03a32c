// SPDX-License-Identifier: MIT
// For which budgets a stage's steps are done in the same way: stage/choose_step.hpp.
#include "stage/choose_step.hpp"

#include <c10/util/Logging.h>  // before Catch2, whose CHECK is meant

#include "lldm/model/model_folder.hpp"
#include "support/catch.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

struct PlannedStage {
  StepModel model;
  StepSizes sizes;
  ObjectiveNeeds needs{.use = ScoreUse::difference};
  Combination combination = Combination::sum;
  DeviceProfile profile = find_profile("cpu");

  [[nodiscard]] ChosenStep choose(const StepAsked& asked, std::int64_t budget) const {
    return choose_step(model, sizes, needs, combination, asked, profile, {budget});
  }
  [[nodiscard]] BudgetRange range(const StepAsked& asked, std::int64_t budget) const {
    return same_budgets(model, sizes, needs, combination, asked, profile, {budget},
                        choose(asked, budget));
  }
};

/// Pairs of two lengths, 24 copies of each answer.
PlannedStage preference_stage() {
  PlannedStage stage;
  TransformerConfig config = small_config();
  config.layers = 4;
  stage.model.pass.shape = shape_of(config);
  stage.model.trained = stage.model.pass.shape.parameters;
  stage.model.has_reference = true;
  set_storage(stage.model, WeightStorage::plain);
  const MicroBatchLoad texts = {{40, 24, 200}, {32, 24, 160}, {40, 24, 200}, {24, 24, 96}};
  stage.sizes.micro_batches = {texts};
  stage.sizes.last_look = {texts.front()};
  stage.sizes.longest = 40;
  stage.sizes.answers_per_row = 2;
  return stage;
}

bool is_same(const ChosenStep& one, const ChosenStep& other) {
  return one.plan.settings == other.plan.settings;
}

/// Budgets from below the least way to above the largest, close enough to see every choice.
std::vector<std::int64_t> budgets_of(const PlannedStage& stage, const StepAsked& asked) {
  const std::int64_t least = stage.choose(asked, 1).plan.memory.peak_bytes(),
                     most = 4 * stage.choose(asked, 0).plan.memory.peak_bytes();
  std::vector<std::int64_t> list;
  for (std::int64_t budget = least; budget < most; budget += budget / 40) list.push_back(budget);
  return list;
}

/// Checks the law for every two of the budgets; the number of choices seen.
std::size_t check_ranges(const PlannedStage& stage, const StepAsked& asked) {
  const std::vector<std::int64_t> budgets = budgets_of(stage, asked);
  std::vector<ChosenStep> chosen;
  for (const std::int64_t budget : budgets) chosen.push_back(stage.choose(asked, budget));
  const ChosenStep without = stage.choose(asked, 0);
  std::size_t changes = 1;
  for (std::size_t i = 0; i < budgets.size(); ++i) {
    const BudgetRange range = stage.range(asked, budgets[i]);
    CHECK(range.without == is_same(chosen[i], without));
    CHECK(range.holds({budgets[i]}));
    // Of a choice that comes twice the budgets around this one count.
    for (std::size_t k = i; k < budgets.size() && is_same(chosen[k], chosen[i]); ++k)
      CHECK(range.holds({budgets[k]}));
    for (std::size_t k = 0; k < budgets.size(); ++k)
      if (range.holds({budgets[k]})) CHECK(is_same(chosen[k], chosen[i]));
    if (i > 0 && !is_same(chosen[i], chosen[i - 1])) ++changes;
  }
  return changes;
}

}  // namespace

TEST_CASE("same_budgets: they lead to the same steps, and no other does", "[stage][plan]") {
  const PlannedStage stage = preference_stage();
  // Paths and copies alone: retain, pairwise with 24, 12, 6, 4 copies, replay.
  CHECK(check_ranges(stage,
                     {.max_tokens_per_forward = 1024, .recomputation = Recomputation::none}) >= 4);
  CHECK(check_ranges(
            stage, {.max_tokens_per_forward = 0, .recomputation = Recomputation::automatic}) >= 4);
}

TEST_CASE("same_budgets: recomputation, which changes no bit, ends no range", "[stage][plan]") {
  const PlannedStage stage = preference_stage();
  const StepAsked asked{.path = GradientPath::retain,
                        .max_tokens_per_forward = 1024,
                        .recomputation = Recomputation::automatic,
                        .head_rows = usual_head_rows(stage.model)};
  const std::int64_t least = stage.choose(asked, 1).plan.memory.peak_bytes();
  REQUIRE(stage.choose(asked, least).recomputation == Recomputation::full);
  REQUIRE(stage.choose(asked, 0).recomputation == Recomputation::none);
  const BudgetRange range = stage.range(asked, least);
  CHECK(range.from == least);
  CHECK(range.below == BudgetRange::kNoEnd);
  CHECK(range.without);
  CHECK_FALSE(range.holds({least - 1}));  // no way fits
}

TEST_CASE("same_budgets: where the weights of a loss are known every budget is one",
          "[stage][plan]") {
  PlannedStage stage = preference_stage();
  stage.needs = {.group_size = 1, .reference = false, .use = ScoreUse::linear};
  const StepAsked asked{.max_tokens_per_forward = 1024, .recomputation = Recomputation::none};
  const BudgetRange with = stage.range(asked, std::int64_t{1} << 40),
                    without = stage.range(asked, 0);
  for (const BudgetRange& range : {with, without}) {
    CHECK(range.from == stage.choose(asked, 0).plan.memory.peak_bytes());
    CHECK(range.below == BudgetRange::kNoEnd);
    CHECK(range.without);
  }
}

TEST_CASE("a budget that logits of a trained head pass cuts them into fewer rows",
          "[stage][plan]") {
  PlannedStage stage = preference_stage();
  stage.needs = {.group_size = 1, .reference = false, .use = ScoreUse::linear};
  stage.model.has_reference = false;
  stage.model.pass.shape.logit_columns = 30000;
  constexpr std::int64_t kUsual = 2224;  // 256 MiB of float32, in whole granules of 16
  const StepAsked asked{.max_tokens_per_forward = 16384, .recomputation = Recomputation::none};
  CHECK(usual_head_rows(stage.model) == kUsual);
  const auto rows = [&](std::int64_t budget) {
    return stage.choose(asked, budget).plan.settings.head_rows;
  };
  const std::int64_t free = stage.choose(asked, 0).plan.memory.peak_bytes();
  CHECK(rows(0) == kUsual);  // 656 queries: one chunk
  CHECK(rows(free) == kUsual);
  CHECK(rows(free - 1) == 544);  // of 2224, 1104, 544, 272, 128 the first that cuts the queries
  CHECK(rows(free / 2) == 272);
  CHECK(rows(1) == 32);
  CHECK(check_ranges(stage, asked) >= 5);
  // Passes smaller than a micro-batch: halves that cut none of them are passed over.
  const auto fewest = [&](std::int64_t tokens) {
    const StepAsked smaller{.max_tokens_per_forward = tokens, .recomputation = Recomputation::none};
    return stage.choose(smaller, 1).plan.settings.head_rows;
  };
  CHECK(fewest(200) == 32);
  CHECK(fewest(400) == 32);
  // 548 queries: 544 save next to nothing, 272 half of the logits.
  stage.sizes.micro_batches = {{{40, 24, 200}, {32, 24, 160}, {40, 24, 100}, {24, 24, 88}}};
  CHECK(rows(1) == 32);
  stage.sizes = preference_stage().sizes;
  // Chunks beyond one take one more product of the head each step.
  CHECK(stage.choose(asked, free).plan.memory.peak_bytes() == free);
  // What a file names is not chosen; a head that is not trained is cut as ever.
  CHECK(stage
            .choose({.max_tokens_per_forward = 16384,
                     .recomputation = Recomputation::none,
                     .head_rows = 272},
                    0)
            .plan.settings.head_rows == 272);
  stage.model.pass.trains_weights = false;
  CHECK(usual_head_rows(stage.model) == 0);
  CHECK(rows(1) == 0);
}

TEST_CASE("same_budgets: as JSON and back", "[stage][plan]") {
  for (const BudgetRange range :
       {BudgetRange{5, 9, false}, BudgetRange{5, BudgetRange::kNoEnd, true}}) {
    const auto back = budget_range_of(to_json(range));
    REQUIRE(back);
    CHECK(
        (back->from == range.from && back->below == range.below && back->without == range.without));
  }
  CHECK(to_json(BudgetRange{5, BudgetRange::kNoEnd, true}).at("below").is_null());
  for (const char* text : {R"({})", R"([])", R"({"from": "a", "below": 3, "without": true})",
                           R"({"from": 1, "below": 3})"})
    CHECK_FALSE(budget_range_of(nlohmann::ordered_json::parse(text)));
}

TEST_CASE("without a budget a way is chosen that the profile's device has room for",
          "[stage][plan]") {
  PlannedStage stage = preference_stage();
  const StepAsked open;
  const std::int64_t free = stage.choose(open, 0).plan.memory.peak_bytes(),
                     least = stage.choose(open, 1).plan.memory.peak_bytes();
  REQUIRE(least < free / 2);
  stage.profile.memory.context.bytes = 0;
  stage.profile.memory.total.bytes = (least + free) / 2;
  CHECK(stage.choose(open, 0).plan.memory.peak_bytes() <= (least + free) / 2);
  // Copies of an answer fill a budget alone.
  CHECK(stage.choose({.path = GradientPath::pairwise}, 0).plan.settings.pairwise_copies ==
        kPairwiseCopies);
}
