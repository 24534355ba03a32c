// SPDX-License-Identifier: MIT
// What is said where the host's memory, or what may be locked of it, is too small: limits are made
// up here.
#include "stage/host_memory.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using testing::contains;

namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

std::string refusal(const HostNeeds& needs, const HostLimits& limits) {
  try {
    require_host_memory(needs, limits, "  with gradient_path = \"replay\" it needs 3.00 GiB");
  } catch (const OutOfMemory& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a host with too little memory is told before the first step", "[stage][memory]") {
  const std::string said = refusal({.bytes = 30 * kGiB}, {.bytes = 24 * kGiB});
  CHECK(said ==
        "out of host memory before the first step: the plan needs 30.0 GiB, this machine has 24.0 "
        "GiB\n  with gradient_path = \"replay\" it needs 3.00 GiB");
  CHECK(refusal({.bytes = 24 * kGiB}, {.bytes = 24 * kGiB}).empty());
}

TEST_CASE("a limit of locked memory that is too small is told before the first step",
          "[stage][memory]") {
  const HostLimits limits{.bytes = 64 * kGiB, .locked = 8 << 20};
  const std::string said = refusal({.bytes = 9 * kGiB, .locked = kGiB}, limits);
  CHECK_THAT(said, contains("the plan locks 1.00 GiB for copies to the device, this process may "
                            "lock 8.00 MiB\n"));
  CHECK_THAT(said, contains("ulimit -l unlimited"));
  for (const char* remedy : {"resident = \"device\"", "frozen_weights = \"resident\"", "offload"})
    CHECK_THAT(said, contains(remedy));
  CHECK(refusal({.bytes = 9 * kGiB, .locked = kGiB}, {.bytes = 64 * kGiB}).empty());  // no limit
  CHECK(refusal({.bytes = kGiB}, limits).empty());
}

TEST_CASE("this machine has memory, and a limit or none", "[stage][memory]") {
  const HostLimits limits = host_limits();
  CHECK(limits.bytes > std::int64_t{64} << 20);
  CHECK(limits.locked >= -1);
}
