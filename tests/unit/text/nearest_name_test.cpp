// SPDX-License-Identifier: MIT
#include "lldm/text/nearest_name.hpp"

#include "support/catch.hpp"

using lldm::nearest_name;
using lldm::nearest_names;

TEST_CASE("nearest_names lists the nearest first, the earlier on ties", "[text][nearest_name]") {
  const std::vector<std::string> names = {"apples", "apple", "maple", "pear", "APPLE"};
  using List = std::vector<std::string>;
  CHECK(nearest_names("appel", names, 3) == List{"apple", "APPLE", "apples"});
  CHECK(nearest_names("aple", names, 9) == List{"apple", "maple", "APPLE", "apples"});
  CHECK(nearest_names("xyz", names, 3).empty());
  CHECK(nearest_name("Apples", names) == "apples");
  CHECK_FALSE(nearest_name("", names));
}

TEST_CASE("A swap beyond a row of other changes is found", "[text][nearest_name]") {
  const std::vector<std::string> names = {"abcdef"};
  CHECK(nearest_name("badcef", names) == "abcdef");  // two swaps: 2 <= 6 / 3
  CHECK_FALSE(nearest_name("badcfe", names));        // three
}

TEST_CASE("Long names cost nothing", "[text][nearest_name]") {
  const std::vector<std::string> names(1000, std::string(100'000, 'a'));
  CHECK_FALSE(nearest_name(std::string(100'000, 'a'), names));
  CHECK_FALSE(nearest_name("a", names));
}
