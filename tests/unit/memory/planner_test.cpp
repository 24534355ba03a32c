// SPDX-License-Identifier: MIT
#include "lldm/memory/planner.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using lldm::ActivationModel;
using lldm::MemoryPlan;
using lldm::MemoryPurpose;
using lldm::plan_memory;
using lldm::PlanInputs;

namespace {

PlanInputs small() {
  PlanInputs in;
  in.parameters = 1000, in.trainable_parameters = 1000, in.reference_parameters = 1000;
  in.width = 8, in.layers = 2, in.heads = 2, in.mlp_width = 16, in.vocabulary = 10;
  in.tokens_per_forward = 100, in.longest_sequence = 20, in.queried_rows = 30;
  return in;
}

}  // namespace

TEST_CASE("plan_memory follows its formulas", "[memory][planner]") {
  const MemoryPlan plan = plan_memory(small());
  CHECK(plan.bytes(MemoryPurpose::weights) == 2 * 4000);
  CHECK(plan.bytes(MemoryPurpose::gradients) == 4000);
  CHECK(plan.bytes(MemoryPurpose::optimizer) == 8000);
  // block = 4 * (100 * (8*12 + 16*4) + 100*20*2*1) = 80000; outer = 4*100*8*3 = 9600;
  // transient = 4 * (100 * (8*4 + 16*3) + 100*20*2*2) = 64000
  CHECK(plan.bytes(MemoryPurpose::activations) == 2 * 80000 + 9600 + 64000);
  CHECK(plan.bytes(MemoryPurpose::logits) == 30 * 10 * 4 * 3 + 30 * 8 * 4);
  CHECK(plan.peak_bytes() == 8000 + 4000 + 8000 + 233600 + 4560);
  CHECK(plan.fits());
}

TEST_CASE("plan_memory charges each gradient path for what it keeps", "[memory][planner]") {
  PlanInputs in = small();
  const std::int64_t linear = plan_memory(in).peak_bytes();
  in.kept_forwards = 8;  // retain
  CHECK(plan_memory(in).peak_bytes() - linear == 7 * (2 * 80000 + 9600 + 30 * 8 * 4));
  in.kept_forwards = 1, in.side_buffers = 2;  // pairwise, each score
  CHECK(plan_memory(in).peak_bytes() - linear == 2 * 4000);
  CHECK(plan_memory(in).bytes(MemoryPurpose::gradients) == 3 * 4000);
}

TEST_CASE("plan_memory knows adapters, chunks and cheaper blocks", "[memory][planner]") {
  PlanInputs in = small();
  in.trainable_parameters = 10;
  CHECK(plan_memory(in).bytes(MemoryPurpose::optimizer) == 80);
  in.logits_chunk_rows = 5;
  CHECK(plan_memory(in).bytes(MemoryPurpose::logits) == 5 * 10 * 4 * 3 + 30 * 8 * 4);
  in.logits_chunk_rows = 500;  // more than there are
  CHECK(plan_memory(in).bytes(MemoryPurpose::logits) == 30 * 10 * 4 * 3 + 30 * 8 * 4);
  const std::int64_t whole = plan_memory(in).bytes(MemoryPurpose::activations);
  in.activations = ActivationModel::with_flash_attention();
  const std::int64_t flash = plan_memory(in).bytes(MemoryPurpose::activations);
  CHECK(whole - flash == 2 * (16000 - 4 * 100 * 2) + 32000);
  in.layers = 32;
  in.activations = ActivationModel().recomputed(1, false);
  CHECK(plan_memory(in).bytes(MemoryPurpose::activations) ==
        32 * 4 * 100 * 8 + 9600 + 64000 + 80000 - 3200);  // the input is kept
}

TEST_CASE("plan_memory gives LLaDA-8B 16 GB of bf16 weights", "[memory][planner]") {
  PlanInputs in;
  in.parameters = 8'015'600'000, in.trainable_parameters = 41'900'000;
  in.weight_bytes = 2, in.compute_bytes = 2;
  in.width = 4096, in.layers = 32, in.heads = 32, in.mlp_width = 12288, in.vocabulary = 126464;
  in.tokens_per_forward = 512, in.longest_sequence = 512, in.queried_rows = 128,
  in.logits_chunk_rows = 64;
  in.activations = ActivationModel().recomputed(1, false);
  const MemoryPlan plan = plan_memory(in);
  CHECK(plan.bytes(MemoryPurpose::weights) == 16'031'200'000);  // 16.03 GB
  // weights + gradients + moments of LoRA rank 16 in float32: 671 MB with the 168 MB of the adapter
  // itself
  CHECK(plan.bytes(MemoryPurpose::gradients) + plan.bytes(MemoryPurpose::optimizer) ==
        41'900'000 * 12);
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
        "  logits            4.45 KiB\n"
        "  all                252 KiB\n"
        "  budget             200 KiB\n"
        "  does not fit: 52.1 KiB too much\n");
  lldm::DeviceMemory measured;
  measured.purposes[static_cast<std::size_t>(MemoryPurpose::weights)].peak_bytes = 8000;
  measured.purposes[static_cast<std::size_t>(MemoryPurpose::workspace)].peak_bytes = 2048;
  measured.total.peak_bytes = 2 * plan.peak_bytes();
  const std::string text = plan.text(&measured);
  CHECK(text.find("  weights           7.81 KiB    7.81 KiB      1.00\n") != std::string::npos);
  CHECK(text.find("  workspace              0 B    2.00 KiB      0.00\n") != std::string::npos);
  CHECK(text.find("  all                252 KiB     504 KiB      0.50\n") != std::string::npos);
}

// promise 10
TEST_CASE("MemoryPlan::require_fit names the largest lines", "[memory][planner]") {
  PlanInputs in = small();
  CHECK_NOTHROW(plan_memory(in).require_fit());
  in.budget.bytes = 200 * 1024;
  std::string text;
  try {
    plan_memory(in).require_fit();
  } catch (const lldm::OutOfMemory& error) {
    text = error.what();
  }
  CHECK(text ==
        "out of memory before the first step: the plan needs 252 KiB of 200 KiB [memory] budget\n"
        "  largest: activations 228 KiB, optimizer 7.81 KiB, logits 4.45 KiB\n"
        "  fewer rows per micro-batch, a shorter response_length, gradient_path = \"replay\" or a "
        "larger "
        "[memory] budget help");
}

TEST_CASE("plan_memory refuses impossible sizes by name", "[memory][planner]") {
  PlanInputs in = small();
  in.width = -1;
  CHECK_THROWS_AS(plan_memory(in), lldm::ShapeError);
  in = small();
  in.weight_bytes = -1;
  CHECK_THROWS_AS(plan_memory(in), lldm::ShapeError);
  in = small();
  in.trainable_parameters = 1001;  // an adapter of a large rank beside small matrices
  CHECK_NOTHROW(static_cast<void>(plan_memory(in)));
  // What is on its way to a file takes the place of activations and logits.
  in = small();
  const auto held = plan_memory(in);
  in.publishing_bytes =
      held.bytes(MemoryPurpose::activations) + held.bytes(MemoryPurpose::logits) + 1000;
  CHECK(plan_memory(in).peak_bytes() == held.peak_bytes() + 1000);
}
