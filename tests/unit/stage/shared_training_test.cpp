// SPDX-License-Identifier: MIT
// What every process of a run begins with, and what they tell of their memory.
#include "stage/shared_training.hpp"

#include <ATen/TensorOperators.h>
#include <c10/util/Logging.h>  // before Catch2, whose CHECK is meant

#include "lldm/train/adamw.hpp"
#include "support/catch.hpp"
#include "support/processes.hpp"
#include "support/train_world.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("all processes go on with what rank 0's checkpoint gave up", "[stage][distributed]") {
  const auto thrown = on_ranks(2, [](const std::shared_ptr<ProcessGroup>& group) {
    const TrainWorld world;
    AdamW optimizer(world.policy->parameters(), {});
    TrainingProgress own;
    if (group->is_first()) {
      own.step = 3;
      own.memory = {.count = 2, .max_tokens_per_forward = 64, .head_halvings = 5};
    }
    const TrainingProgress begin = begin_together(*group, own, world.setup, optimizer);
    expect(begin.step == 3, "the step");
    expect(begin.memory.count == 2, "retries");
    expect(begin.memory.max_tokens_per_forward == 64, "the passes");
    expect(begin.memory.head_halvings == 5, "the chunk of logits");
  });
  CHECK(thrown == std::vector<std::string>(2));
}

TEST_CASE("the memory of several processes is the most of any", "[stage][distributed]") {
  const auto thrown = on_ranks(2, [](const std::shared_ptr<ProcessGroup>& group) {
    MemoryPeaks own{.total = group->is_first() ? 10 : 30};
    own.purposes[1] = group->is_first() ? 7 : 2;
    own.purposes[2] = group->is_first() ? 3 : 28;
    const MemoryPeaks most = most_of_all(*group, own);
    expect(most.total == 30, "in all");
    expect(most.purposes[1] == 7 && most.purposes[2] == 28, "by purpose");
  });
  CHECK(thrown == std::vector<std::string>(2));
}
