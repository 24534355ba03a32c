// SPDX-License-Identifier: MIT
// Passes that score between steps hold no more than steps do: stage/step_passes.hpp.
#include "stage/step_passes.hpp"

#include <c10/util/Logging.h>  // before Catch2, whose CHECK is meant

#include "lldm/model/model_folder.hpp"
#include "support/catch.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

StepModel small_model() {
  StepModel model;
  TransformerConfig config = small_config();
  config.layers = 4;
  model.pass.shape = shape_of(config);
  model.trained = model.pass.shape.parameters;
  set_storage(model, WeightStorage::plain);
  return model;
}

constexpr TextLoad kText{.length = 40, .copies = 1, .queries = 8};

/// Steps of one text; `held_out` texts are scored together in validation.
StepPlan plan_of(std::size_t held_out, std::int64_t max_tokens) {
  StepSizes sizes;
  sizes.micro_batches = {{kText}};
  sizes.last_look = {kText};
  sizes.longest = kText.length;
  if (held_out > 0) sizes.validation = {MicroBatchLoad(held_out, kText)};
  return plan_step(small_model(), sizes, {.use = ScoreUse::linear},
                   {.path = GradientPath::linear, .max_tokens_per_forward = max_tokens}, {});
}

}  // namespace

TEST_CASE("without_graph: a large validation set asks for no more memory than steps",
          "[stage][plan]") {
  const std::int64_t alone = plan_of(0, 1 << 14).memory.peak_bytes();
  for (const std::size_t held_out : {1, 2, 16, 400}) {
    const StepPlan plan = plan_of(held_out, 1 << 14);
    CHECK(plan.memory.peak_bytes() == alone);
    CHECK(plan.scored_tokens >= plan.tokens_per_forward);
    // Nothing that was not looked at fills a larger pass.
    CHECK(plan.scored_tokens <= static_cast<std::int64_t>(held_out) * kText.length);
  }
  CHECK(plan_of(400, 1 << 14).scored_tokens < 400 * kText.length);  // it is divided
}

TEST_CASE("without_graph: no pass is larger than the file lets it be", "[stage][plan]") {
  CHECK(plan_of(16, 80).scored_tokens <= 80);
  CHECK(plan_of(0, 1 << 14).scored_tokens == kText.length);
}

TEST_CASE("without_graph: paths that the model walks itself are read in passes of a step's size",
          "[stage][plan]") {
  const auto plan_of_pairs = [](std::int64_t walked) {
    const TextLoad text{
        .length = 40, .copies = 3, .queries = 24, .of_copies = {8, 8, 8}, .walked = walked};
    StepSizes sizes;
    sizes.micro_batches = {MicroBatchLoad(64, text)};
    sizes.last_look = {text};
    sizes.longest = text.length;
    StepModel model = small_model();
    model.pass.recomputation = Recomputation::full;
    return plan_step(model, sizes, {.use = ScoreUse::difference},
                     {.path = GradientPath::pairwise, .max_tokens_per_forward = 1 << 14}, {});
  };
  const StepPlan plan = plan_of_pairs(2);
  CHECK(plan.memory.peak_bytes() == plan_of_pairs(0).memory.peak_bytes());
  CHECK(plan.scored_tokens < 64 * 40);  // all texts side by side would hold more
}
