// SPDX-License-Identifier: MIT
#include "lldm/memory/purpose.hpp"

#include <ATen/ThreadLocalState.h>

#include <thread>

#include "support/catch.hpp"

using lldm::MemoryPurpose;
using lldm::PurposeScope;

TEST_CASE("PurposeScope reaches a thread that LibTorch hands its thread-local state",
          "[memory][purpose]") {
  // What the autograd engine does for the threads that run backward on a GPU.
  std::optional<at::ThreadLocalState> state;
  {
    const PurposeScope scope(MemoryPurpose::gradients);
    state.emplace();
  }
  MemoryPurpose inside = MemoryPurpose::unscoped, nested = MemoryPurpose::unscoped,
                after = MemoryPurpose::weights;
  std::thread([&] {
    {
      const at::ThreadLocalStateGuard guard(*state);
      inside = PurposeScope::current();
      const PurposeScope scope(MemoryPurpose::logits);
      nested = PurposeScope::current();
    }
    after = PurposeScope::current();
  }).join();
  CHECK(inside == MemoryPurpose::gradients);
  CHECK(nested == MemoryPurpose::logits);
  CHECK(after == MemoryPurpose::unscoped);
}
