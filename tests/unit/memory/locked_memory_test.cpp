// SPDX-License-Identifier: MIT
// Memory that a driver locks, with a driver that may refuse.
#include "memory/locked_memory.hpp"

#include <ATen/core/Tensor.h>
#include <sys/resource.h>

#include <algorithm>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using memory::PageLock;

namespace {

std::vector<std::pair<void*, std::size_t>> locked;  // of the fake driver, now

std::string lock(void* begin, std::size_t bytes) {
  if (bytes > 1000) return "cudaHostRegister: out of memory";
  locked.emplace_back(begin, bytes);
  return "";
}
void unlock(void* begin) {
  std::erase_if(locked, [&](const auto& one) { return one.first == begin; });
}
constexpr PageLock kDriver{&lock, &unlock};

}  // namespace

TEST_CASE("locked memory has its exact size, is counted, and is given back unlocked", "[memory]") {
  MemoryManager manager;
  manager.install();
  const auto held = [&] {
    return manager.report().find(MemoryDevice::cpu)->of(MemoryPurpose::weights).current_bytes;
  };
  {
    const PurposeScope purpose(MemoryPurpose::weights);
    const at::Tensor slab = memory::locked_memory(999, &kDriver, "streamed weights", "  none");
    REQUIRE(locked.size() == 1);
    CHECK(locked.front() == std::pair<void*, std::size_t>(slab.data_ptr(), 999));
    CHECK(held() == 999);
    CHECK(slab.sum().item<std::int64_t>() == 0);
    const at::Tensor part = slab.narrow(0, 10, 5);
    const at::Tensor other = memory::locked_memory(100, &kDriver, "streamed weights", "  none");
    CHECK(locked.size() == 2);
  }
  CHECK(locked.empty());
  CHECK(held() == 0);
}

TEST_CASE("memory that cannot be locked: how much, for what, the limit, and what next",
          "[memory]") {
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_MEMLOCK, &before) == 0);
  rlimit low = before;
  low.rlim_cur = std::min<rlim_t>(before.rlim_max, 65536);
  REQUIRE(setrlimit(RLIMIT_MEMLOCK, &low) == 0);
  std::string text;
  try {
    (void)memory::locked_memory(4096, &kDriver, "streamed weights",
                                "  ulimit -l unlimited lets it");
  } catch (const OutOfMemory& error) {
    text = error.what();
  }
  REQUIRE(setrlimit(RLIMIT_MEMLOCK, &before) == 0);
  CHECK(text ==
        "out of host memory: 4.00 KiB of streamed weights could not be locked for copies to the "
        "device; this process may lock 64.0 KiB (ulimit -l)\n"
        "  cudaHostRegister: out of memory\n"
        "  ulimit -l unlimited lets it");
  CHECK(locked.empty());
}

TEST_CASE("the CPU locks nothing", "[memory]") {
  CHECK(memory::page_lock_of(at::kCPU) == nullptr);
  CHECK(memory::locked_memory(5000, nullptr, "streamed weights", "").numel() == 5000);
}
