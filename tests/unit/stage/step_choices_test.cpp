// SPDX-License-Identifier: MIT
// Ways to do a stage's steps: where the optimizer's states lie, and in what trained weights do.
#include "stage/step_choices.hpp"

#include <c10/util/Logging.h>  // before Catch2, whose CHECK is meant

#include <algorithm>

#include "lldm/model/model_folder.hpp"
#include "stage/choose_step.hpp"
#include "stage/step_advice.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

struct PlannedStage {
  TrainingStage stage;
  StepModel model;
  StepSizes sizes;
  ObjectiveNeeds needs{.use = ScoreUse::linear};
  DeviceProfile profile = find_profile("rtx4080");

  [[nodiscard]] ChosenStep chosen() const {
    return choose_step(model, sizes, needs, Combination::sum,
                       {GradientPath::linear, 40, Recomputation::none}, profile, {});
  }
  [[nodiscard]] std::vector<StepChoice> choices() const {
    return step_choices(model, sizes, needs, Combination::sum, chosen(), profile, {});
  }
};

/// All weights of a small model, which beside short texts are what counts.
PlannedStage full_stage(const std::string& device) {
  PlannedStage one;
  TransformerConfig config = small_config();
  config.width = 64, config.mlp_width = 256, config.heads = config.kv_heads = 4;
  ModelFacts facts{.shape = shape_of(config)};
  facts.trained_sizes.push_back({facts.shape.parameters, 1});
  one.stage.optimizer.type = "adamw";
  one.model = step_model({}, one.stage, facts, device);
  const MicroBatchLoad text = {TextLoad{40, 1, 10}};
  one.sizes.micro_batches.push_back(text);
  one.sizes.last_look = text;
  one.sizes.longest = 40;
  return one;
}

Advised advised(const PlannedStage& stage) {
  return {stage.stage, {GradientPath::linear, 40, Recomputation::none}, stage.profile};
}

const StepChoice* find(const std::vector<StepChoice>& choices, WeightStorage storage,
                       const std::string& optimizer, bool is_on_host) {
  const auto found = std::ranges::find_if(choices, [&](const StepChoice& choice) {
    return choice.storage == storage && choice.optimizer == optimizer &&
           choice.is_optimizer_on_host == is_on_host;
  });
  return found == choices.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("trained weights have ways by storage, optimizer and its place", "[stage][plan]") {
  const PlannedStage stage = full_stage("cuda");
  const std::vector<StepChoice> choices = stage.choices();
  const StepChoice* plain = find(choices, WeightStorage::plain, "adamw", false);
  const StepChoice* host = find(choices, WeightStorage::plain, "adamw", true);
  const StepChoice* codes = find(choices, WeightStorage::plain, "adamw_8bit", false);
  const StepChoice* narrow = find(choices, WeightStorage::bfloat16, "adamw", false);
  const StepChoice* least = find(choices, WeightStorage::bfloat16, "adamw", true);
  REQUIRE((plain && host && codes && narrow && least));
  // Two float32 moments a number, which leave the device.
  const std::int64_t moments = 8 * stage.model.trained;
  CHECK(plain->held_bytes - host->held_bytes >= moments);
  CHECK(host->host_bytes >= moments);
  CHECK(host->locked_host_bytes > 0);
  CHECK(host->locked_host_bytes < host->host_bytes);
  CHECK(plain->host_bytes == 0);
  CHECK(host->seconds_per_step() > plain->seconds_per_step());
  CHECK(codes->held_bytes < plain->held_bytes);
  CHECK(narrow->held_bytes < codes->held_bytes);
  CHECK(least->held_bytes < std::min(narrow->held_bytes, host->held_bytes));
  CHECK(host->has_same_numbers);
  CHECK_FALSE(codes->has_same_numbers);
  CHECK_FALSE(narrow->has_same_numbers);
  CHECK_FALSE(least->has_same_numbers);
  CHECK_FALSE(find(choices, WeightStorage::nf4, "adamw", false));
}

TEST_CASE("on the CPU the host is the device", "[stage][plan]") {
  const PlannedStage stage = full_stage("cpu");
  const std::vector<StepChoice> choices = stage.choices();
  for (const StepChoice& choice : choices) {
    CHECK_FALSE(choice.is_optimizer_on_host);
    CHECK(choice.host_bytes == 0);
  }
  const HostNeeds needs = host_needs(stage.model, stage.chosen().plan);
  CHECK(needs.bytes == stage.chosen().plan.memory.peak_bytes());
  CHECK(needs.locked == 0);
}

TEST_CASE("a run counts the host's memory as the table does", "[stage][plan]") {
  PlannedStage stage = full_stage("cuda");
  stage.stage.optimizer.resident = OptimizerResidence::host;
  set_optimizer(stage.model, stage.stage.optimizer);
  const HostNeeds needs = host_needs(stage.model, stage.chosen().plan);
  CHECK(needs.bytes == stage.model.optimizer_host + stage.model.optimizer_staging);
  CHECK(needs.locked == stage.model.optimizer_staging);
  CHECK(stage.choices().front().host_bytes == needs.bytes);
  CHECK(stage.choices().front().locked_host_bytes == needs.locked);
}

TEST_CASE("advice names the optimizer's place and the storage of trained weights",
          "[stage][plan]") {
  const PlannedStage stage = full_stage("cuda");
  const std::string advice =
      advice_text(stage.model, stage.sizes, stage.needs, stage.chosen(), advised(stage), 1 << 10);
  CHECK_THAT(advice, contains("optimizer.resident = \"host\" it needs"));
  CHECK_THAT(advice, contains("[model] storage = \"bfloat16\" (other numbers) it needs"));
  CHECK(advice.find("[memory] budget") == std::string::npos);
  CHECK_THAT(advice, contains("none of them alone is enough"));  // for 1 KiB
  CHECK_THAT(advice_text(stage.model, stage.sizes, stage.needs, stage.chosen(), advised(stage),
                         std::int64_t{1} << 40),
             !contains("none of them"));
}

TEST_CASE("processes that add up gradients hold what they exchange", "[stage][plan]") {
  PlannedStage stage = full_stage("cpu");
  set_exchange(stage.model, Reduction::fast);
  CHECK(stage.model.exchange.bytes() == 0);  // float32, in place
  set_exchange(stage.model, Reduction::ordered);
  CHECK(stage.model.exchange.gradients == 4 * stage.model.trained);
  set_storage(stage.model, WeightStorage::bfloat16);
  set_exchange(stage.model, Reduction::fast);
  CHECK(stage.model.exchange.staging == 4 * stage.model.trained);
}

TEST_CASE("advice names exact gradient paths, and codes where no stage trains fresh weights",
          "[stage][plan]") {
  PlannedStage one = full_stage("cpu");
  one.needs = {.group_size = 2, .use = ScoreUse::difference};
  one.model.pass.trains_weights = false;
  one.model.pass.adapter_values = 1000, one.model.pass.shape.adapter.rank = 4,
  one.model.pass.shape.adapter.qkv = {3, 1000};
  one.sizes.micro_batches = {{TextLoad{40, 200, 10}, TextLoad{40, 200, 10}}};
  const StepAsked asked{GradientPath::retain, 1024, Recomputation::none};
  const ChosenStep chosen =
      choose_step(one.model, one.sizes, one.needs, Combination::sum, asked, one.profile, {});
  const auto advice = [&](Combination combination, bool takes_codes) {
    return advice_text(one.model, one.sizes, one.needs, chosen,
                       {one.stage, asked, one.profile, combination, takes_codes}, 0);
  };
  CHECK_THAT(advice(Combination::sum, true), contains("gradient_path = \"pairwise\" it needs"));
  // The estimator combines its readouts: no path but retain and replay is exact.
  CHECK_THAT(advice(Combination::log_mean_exp, true), !contains("pairwise"));
  CHECK_THAT(advice(Combination::log_mean_exp, true), contains("gradient_path = \"replay\""));
  // Weights are most of it where texts are few.
  one.sizes.micro_batches = {{TextLoad{4, 1, 1}, TextLoad{4, 1, 1}}};
  one.sizes.last_look.clear();
  CHECK_THAT(advice(Combination::sum, true), contains("nf4"));
  CHECK_THAT(advice(Combination::sum, false), !contains("nf4"));
}

TEST_CASE("advice plans what a run with the changed key would do", "[stage][plan]") {
  PlannedStage one = full_stage("cpu");
  one.needs = {.group_size = 2, .use = ScoreUse::difference};
  one.model.pass.trains_weights = false;
  one.model.pass.adapter_values = 1000, one.model.pass.shape.adapter.rank = 4,
  one.model.pass.shape.adapter.qkv = {3, 1000};
  one.sizes.micro_batches = {{TextLoad{40, 20, 200}, TextLoad{40, 20, 200}}};
  one.profile = find_profile("cpu");
  const auto peak = [&](const StepAsked& asked, std::int64_t budget) {
    return choose_step(one.model, one.sizes, one.needs, Combination::sum, asked, one.profile,
                       ByteSize{budget})
        .plan.memory.peak_bytes();
  };
  // The path is open: with passes of a copy `replay` holds less than `pairwise` does.
  const StepAsked asked{GradientPath::automatic, 1 << 14, Recomputation::none};
  StepAsked fewer = asked;
  fewer.max_tokens_per_forward = 40;
  const std::int64_t least = peak(fewer, 1), now = peak(asked, 1);
  REQUIRE(least < now);
  const ChosenStep chosen = choose_step(one.model, one.sizes, one.needs, Combination::sum, asked,
                                        one.profile, ByteSize{least});
  const std::string advice =
      advice_text(one.model, one.sizes, one.needs, chosen, {one.stage, asked, one.profile}, least);
  CHECK_THAT(advice, contains("with max_tokens_per_forward = 40 it needs"));
  CHECK_THAT(advice, contains("max_tokens_per_forward = 0 (open)"));
  CHECK_THAT(advice, !contains("none of them"));
  CHECK_THAT(advice, !contains("gradient_path"));  // it is open already
}

TEST_CASE("choices hold the copies that a run takes which follows them", "[stage][plan]") {
  PlannedStage one = full_stage("cpu");
  one.needs = {.group_size = 2, .use = ScoreUse::difference};
  // The longest text is not that with most copies.
  one.sizes.micro_batches = {{TextLoad{40, 3, 30}, TextLoad{20, 30, 300}}};
  one.profile = find_profile("cpu");
  for (const std::int64_t budget :
       {std::int64_t{0}, std::int64_t{1} << 40, std::int64_t{1} << 20}) {
    int seen = 0;
    const ChosenStep chosen =
        choose_step(one.model, one.sizes, one.needs, Combination::sum,
                    {GradientPath::retain, 40, Recomputation::none}, one.profile, ByteSize{budget});
    for (const StepChoice& choice : step_choices(one.model, one.sizes, one.needs, Combination::sum,
                                                 chosen, one.profile, ByteSize{budget})) {
      if (choice.path != GradientPath::pairwise || choice.is_configured) continue;
      if (choice.storage != one.model.pass.precision.storage || choice.optimizer != "adamw")
        continue;
      const ChosenStep run =
          choose_step(one.model, one.sizes, one.needs, Combination::sum,
                      {choice.path, choice.max_tokens_per_forward, choice.recomputation},
                      one.profile, ByteSize{budget});
      CHECK(run.plan.settings.pairwise_copies == choice.pairwise_copies);
      CHECK(run.plan.memory.peak_bytes() == choice.memory.peak_bytes());
      ++seen;
    }
    CHECK(seen >= 3);
  }
}
