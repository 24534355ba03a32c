// SPDX-License-Identifier: MIT
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/memory/manager.hpp"
#include "support/catch.hpp"

using lldm::bytes_text;
using lldm::bytes_text_above;
using lldm::MemoryDevice;
using lldm::MemoryManager;
using lldm::MemoryPurpose;
using lldm::PurposeScope;

namespace {

constexpr auto kCpu = MemoryDevice::cpu;

at::Tensor bytes(std::int64_t count) {
  return at::empty({count}, at::TensorOptions().dtype(at::kByte));
}

template <class Work>
std::string refusal(Work work) {
  try {
    work();
  } catch (const lldm::OutOfMemory& error) {
    return error.what();
  }
  return "not refused";
}

const std::string kKnobs =
    "  fewer rows per micro-batch, a shorter response_length, gradient_path = \"replay\" or a "
    "larger "
    "[memory] budget help";

}  // namespace

// promise 10
TEST_CASE("MemoryManager refuses what passes the budget and names the largest holders",
          "[memory]") {
  MemoryManager memory;
  memory.install();
  memory.set_budget(kCpu, {10 * 1024});
  const auto held = [](MemoryPurpose purpose, std::int64_t count) {
    const PurposeScope scope(purpose);
    return bytes(count);
  };
  const at::Tensor a = held(MemoryPurpose::weights, 4096), b = held(MemoryPurpose::optimizer, 2048),
                   c = held(MemoryPurpose::logits, 1024), d = held(MemoryPurpose::staging, 512);
  const PurposeScope scope(MemoryPurpose::activations);
  CHECK(
      refusal([] { return bytes(4096); }) ==
      "out of cpu memory: \"activations\" asked for 4.00 KiB; 7.50 KiB of 10.0 KiB budget in use\n"
      "  largest holders: weights 4.00 KiB, optimizer 2.00 KiB, logits 1.00 KiB\n" +
          kKnobs);
  const std::string of_weights = refusal([&] { return held(MemoryPurpose::weights, 4096); });
  CHECK(of_weights.ends_with("a smaller model or a larger [memory] budget help"));
  const auto use = *memory.report().find(kCpu);
  CHECK(use.total.current_bytes == 7680);  // nothing of the refused allocation stays counted
  CHECK(use.total.peak_bytes == 7680);
  CHECK(use.of(MemoryPurpose::activations).peak_bytes == 0);
  CHECK_NOTHROW(bytes(2560));
  memory.set_budget(kCpu, {0});
  CHECK_NOTHROW(bytes(1 << 20));
}

TEST_CASE("MemoryManager counts what passes the budget of one purpose, and refuses nothing",
          "[memory]") {
  MemoryManager memory;
  memory.install();
  memory.set_budget(kCpu, MemoryPurpose::logits, {1000});
  const auto passed = [&] {
    return memory.report()
        .find(kCpu)
        ->times_passed[static_cast<std::size_t>(MemoryPurpose::logits)];
  };
  CHECK_NOTHROW(bytes(2000));
  CHECK(passed() == 0);
  const PurposeScope scope(MemoryPurpose::logits);
  {
    const at::Tensor first = bytes(1000);
    CHECK(passed() == 0);
    const at::Tensor second = bytes(1), third = bytes(1);  // beyond it already
    CHECK(passed() == 1);
  }
  CHECK_NOTHROW(bytes(1001));
  CHECK(passed() == 2);
  CHECK(memory.report().find(kCpu)->total.current_bytes == 0);
}

// promise 10
TEST_CASE("MemoryManager turns the system's refusal into OutOfMemory", "[memory]") {
  MemoryManager memory;
  memory.install();
  const PurposeScope scope(MemoryPurpose::weights);
  const std::string text = refusal([] { return bytes(std::int64_t{1} << 60); });
  CHECK(text.starts_with(
      "out of cpu memory: \"weights\" asked for 1048576 TiB; 0 B in use, and the device refused"));
  CHECK(memory.report().find(kCpu)->total.current_bytes == 0);
}

// promise 10
TEST_CASE("OutOfMemory leaves backward as itself", "[memory]") {
  MemoryManager memory;
  memory.install();
  const at::Tensor weight = at::ones({64, 64}).requires_grad_(true);
  const at::Tensor loss = at::mm(weight, weight).sum();
  memory.set_budget(kCpu, {memory.report().find(kCpu)->total.current_bytes + 100});
  CHECK_THROWS_AS(loss.backward(), lldm::OutOfMemory);
}

TEST_CASE("bytes_text reads as people write sizes", "[memory]") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(1023) == "1023 B");
  CHECK(bytes_text(1901072) == "1.81 MiB");
  CHECK(bytes_text_above(1901072) == "1.82 MiB");  // 1.813 MiB: pasted as a budget it holds them
  CHECK(bytes_text_above(1024) == "1.00 KiB");
  CHECK(bytes_text_above(1023) == "1023 B");
  CHECK(bytes_text_above(1024 * 1024 - 1) == "1.00 MiB");
  CHECK(bytes_text(1024) == "1.00 KiB");
  CHECK(bytes_text(10 * 1024) == "10.0 KiB");
  CHECK(bytes_text(1024 * 1024 - 1) == "1.00 MiB");
  CHECK(bytes_text(1610612736) == "1.50 GiB");
  CHECK(bytes_text(39621496013) == "36.9 GiB");
  CHECK(bytes_text(-2048) == "-2.00 KiB");
}
