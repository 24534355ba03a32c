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

TEST_CASE("between_steps: a large validation set asks for no more memory than steps",
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

TEST_CASE("between_steps: no pass is larger than the file lets it be", "[stage][plan]") {
  CHECK(plan_of(16, 80).scored_tokens <= 80);
  CHECK(plan_of(0, 1 << 14).scored_tokens == kText.length);
}
