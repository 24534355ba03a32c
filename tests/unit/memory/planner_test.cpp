// SPDX-License-Identifier: MIT
#include "lldm/memory/planner.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using lldm::MemoryPlan;
using lldm::MemoryPurpose;
using lldm::plan_memory;
using lldm::PlanInputs;

namespace {

/// Two moments: the second holds more in all, the first more logits.
PlanInputs small() {
  PlanInputs in;
  in.held = {{"weights", MemoryPurpose::weights, 4000},
             {"reference", MemoryPurpose::weights, 4000},
             {"adapter", MemoryPurpose::adapter, 0},
             {"gradients", MemoryPurpose::gradients, 4000},
             {"optimizer", MemoryPurpose::optimizer, 8000}};
  in.moments = {{.what = "head", .activations = 200'000, .logits = 9000},
                {.what = "backward of a block", .activations = 233'600, .gradients = 500}};
  return in;
}

}  // namespace

TEST_CASE("plan_memory adds the moment that holds most to what lasts", "[memory][planner]") {
  const MemoryPlan plan = plan_memory(small());
  CHECK(plan.moment == "backward of a block");
  CHECK(plan.peak_bytes() == 20'000 + 233'600 + 500);
  CHECK(plan.fits());
  // Peaks by purpose need not coincide.
  CHECK(plan.bytes(MemoryPurpose::weights) == 8000);
  CHECK(plan.bytes(MemoryPurpose::gradients) == 4500);
  CHECK(plan.bytes(MemoryPurpose::activations) == 233'600);
  CHECK(plan.bytes(MemoryPurpose::logits) == 9000);
  PlanInputs held = small();
  held.moments.clear();
  CHECK(plan_memory(held).peak_bytes() == 20'000);
}

TEST_CASE("MemoryPlan prints its lines, the budget and what was measured", "[memory][planner]") {
  PlanInputs in = small();
  in.budget.bytes = 200 * 1024;
  const MemoryPlan plan = plan_memory(in);
  CHECK_FALSE(plan.fits());
  CHECK(plan.text() ==
        "  memory           predicted\n"
        "  weights           3.91 KiB\n"
        "  reference         3.91 KiB\n"
        "  gradients         3.91 KiB\n"
        "  optimizer         7.81 KiB\n"
        "  activations        228 KiB\n"
        "  block gradients      500 B\n"
        "  all                248 KiB\n"
        "  budget             200 KiB\n"
        "  does not fit: 48.1 KiB too much\n");
  lldm::DeviceMemory measured;
  measured.purposes[static_cast<std::size_t>(MemoryPurpose::weights)].peak_bytes = 8000;
  measured.purposes[static_cast<std::size_t>(MemoryPurpose::workspace)].peak_bytes = 2048;
  measured.total.peak_bytes = 2 * plan.peak_bytes();
  const std::string text = plan.text(&measured);
  CHECK(text.find("  weights           7.81 KiB    7.81 KiB      1.00\n") != std::string::npos);
  CHECK(text.find("  workspace              0 B    2.00 KiB      0.00\n") != std::string::npos);
  CHECK(text.find("  all                248 KiB     496 KiB      0.50\n") != std::string::npos);
}

// promise 10
TEST_CASE("MemoryPlan::require_fit names the largest lines", "[memory][planner]") {
  PlanInputs in = small();
  CHECK_NOTHROW(plan_memory(in).require_fit());
  in.budget.bytes = 200 * 1024;
  const auto told = [&](const std::string& advice) -> std::string {
    try {
      plan_memory(in).require_fit(advice);
    } catch (const lldm::OutOfMemory& error) {
      return error.what();
    }
    return "";
  };
  const std::string beginning =
      "out of memory before the first step: the plan needs 248 KiB of 200 KiB [memory] budget\n"
      "  largest (backward of a block): activations 228 KiB, optimizer 7.81 KiB, weights 3.91 "
      "KiB\n";
  CHECK(told("") == beginning +
                        "  fewer rows per micro-batch, a shorter response_length, gradient_path = "
                        "\"replay\" or a larger [memory] budget help");
  CHECK(told("  a larger budget") == beginning + "  a larger budget");
}

TEST_CASE("plan_memory refuses impossible sizes by name", "[memory][planner]") {
  PlanInputs in = small();
  in.held[0].bytes = -1;
  CHECK_THROWS_WITH(plan_memory(in), lldm::testing::contains("weights must be >= 0, got -1"));
  in = small();
  in.moments[0].logits = -1;
  CHECK_THROWS_AS(plan_memory(in), lldm::ShapeError);
  in = small();
  in.budget.bytes = -1;
  CHECK_THROWS_AS(plan_memory(in), lldm::ShapeError);
}
