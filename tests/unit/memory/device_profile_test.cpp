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

TEST_CASE("a profile without a rate is refused, and named", "[memory][profile]") {
  const testing::TemporaryFolder folder;
  std::string text = profile_text(find_profile("cpu"));
  const auto at = text.find("bandwidth");
  text.erase(at, text.find('\n', at) - at);
  testing::write_file(folder / "slow.toml", text);
  CHECK_THROWS_WITH(find_profile((folder / "slow.toml").string()), contains("bandwidth"));
}

TEST_CASE("of a budget on a GPU driver and libraries are a part, on a CPU not",
          "[memory][profile]") {
  DeviceProfile card = find_profile("rtx4080");
  constexpr std::int64_t kGiB = std::int64_t{1} << 30;
  const std::int64_t total = card.memory.total.bytes, context = card.memory.context.bytes;
  CHECK(card.usable({12 * kGiB}).bytes == 12 * kGiB - context);
  CHECK(card.usable({400 * kGiB}).bytes == total - context);  // no more than there is
  CHECK(card.usable({0}).bytes == total - context);
  CHECK(card.usable({1}).bytes == 1);
  const DeviceProfile cpu = find_profile("cpu");
  CHECK(cpu.usable({400 * kGiB}).bytes == 400 * kGiB);
  CHECK(cpu.usable({0}).bytes == 0);
}
