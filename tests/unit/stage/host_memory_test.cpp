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

TEST_CASE("several processes of a machine share its memory", "[stage][memory]") {
  CHECK(refusal({.bytes = 12 * kGiB}, {.bytes = 24 * kGiB, .processes = 2}).empty());
  CHECK_THAT(refusal({.bytes = 13 * kGiB}, {.bytes = 24 * kGiB, .processes = 2}),
             contains("this machine has 24.0 GiB for 2 processes"));
}

TEST_CASE("this machine has memory", "[stage][memory]") {
  CHECK(host_limits().bytes > std::int64_t{64} << 20);
}
