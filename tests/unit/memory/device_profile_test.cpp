// SPDX-License-Identifier: MIT
#include "lldm/memory/device_profile.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using lldm::testing::contains;

TEST_CASE("the profiles that come with lldm are legal and say where they are from",
          "[memory][profile]") {
  CHECK(profile_names() == std::vector<std::string>{"cpu", "h100", "h200", "rtx4080"});
  for (const std::string& name : profile_names()) {
    const DeviceProfile profile = find_profile(name);
    CHECK(profile.name == name);
    CHECK(profile.source.size() > 40);
    CHECK(profile.room().bytes > 0);
    // A row of the ladder never falls with size.
    CHECK(profile.products.large.float32 >= profile.products.small.float32);
  }
}

TEST_CASE("a profile is the same through its file", "[memory][profile]") {
  const testing::TemporaryFolder folder;
  const DeviceProfile profile = find_profile("rtx4080");
  testing::write_file(folder / "card.toml", profile_text(profile));
  const DeviceProfile again = find_profile((folder / "card.toml").string());
  CHECK(profile_text(again) == profile_text(profile));
  CHECK(again.memory.total.bytes == 16376LL << 20);
}

TEST_CASE("a profile that is none is refused with what would be right", "[memory][profile]") {
  CHECK_THROWS_WITH(find_profile("rtx4088"), contains("did you mean \"rtx4080\""));
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "bad.toml", "name = \"x\"\nkind = \"tpu\"\n");
  CHECK_THROWS_WITH(find_profile((folder / "bad.toml").string()), contains("bad.toml"));
}
