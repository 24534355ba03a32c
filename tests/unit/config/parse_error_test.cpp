// SPDX-License-Identifier: MIT
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"

using namespace lldm::config;
using lldm::testing::parse_error;
using lldm::testing::tree;

TEST_CASE("parse keeps the order and the place of every key and value", "[config]") {
  const Value root = tree(
      "zeta = 1\n"
      "alpha = \"x\"\n"
      "[memory]\n"
      "  budget = \"2 GiB\"\n"
      "[[stage]]\n"
      "name = \"a\"\n"
      "objective = { type = \"dpo\", beta = 0.2 }\n"
      "[deep.er]\n"
      "k = true\n");
  REQUIRE(root.as_table().size() == 5);
  CHECK(root.as_table()[0].key == "zeta");
  CHECK(root.as_table()[1].key == "alpha");
  CHECK(root.as_table()[2].key == "memory");
  CHECK(root.as_table()[3].key == "stage");
  CHECK(root.as_table()[4].key == "deep");
  const Member& budget = *root.find("memory")->value.find("budget");
  CHECK(budget.position.text() == "a.toml:4:3");
  CHECK(budget.value.position().text() == "a.toml:4:12");
  const Value& stage = root.find("stage")->value.as_array()[0];
  CHECK(stage.position().line == 5);
  const Member& objective = *stage.find("objective");
  CHECK(objective.value.position().text() == "a.toml:7:13");
  CHECK(objective.value.find("beta")->position.text() == "a.toml:7:29");
  CHECK(objective.value.find("beta")->value.position().text() == "a.toml:7:36");
  CHECK(root.find("deep")->value.position().line == 8);
  CHECK(root.find("deep")->value.find("er")->value.position().line == 8);
}

// promise 11
TEST_CASE("parse refuses text that is not TOML at its place", "[config]") {
  CHECK(parse_error("a = 1\nb = = 2\n").substr(0, 31) == "a.toml:2:5: this is not TOML\n  ");
  CHECK(parse_error("a = 1\na = 2\n").substr(0, 29) == "a.toml:2:5: this is not TOML\n");
  CHECK(parse_error("a = 99999999999999999999\n").find("a.toml:1:") == 0);
  CHECK(parse_error("a = \"\xff\"\n").find("a.toml:1:") == 0);
}

TEST_CASE("parse refuses dates, times, inf and nan, all at once", "[config]") {
  CHECK(parse_error("a = 1979-05-27\nb = inf\nc = [-inf, nan]\nd = 07:32:00\n") ==
        "a.toml:1:5: dates and times have no meaning here\n"
        "  write the value in quotes: as a string\n"
        "a.toml:2:5: a number must be finite, not inf\n"
        "  to switch a limit off, leave its key out\n"
        "a.toml:3:6: a number must be finite, not -inf\n"
        "  to switch a limit off, leave its key out\n"
        "a.toml:3:12: a number must be finite, not nan\n"
        "  to switch a limit off, leave its key out\n"
        "a.toml:4:5: dates and times have no meaning here\n"
        "  write the value in quotes: as a string");
}

TEST_CASE("parse refuses keys whose dots would nest without end", "[config]") {
  std::string deep = "x = 1\na";
  for (int i = 0; i < 2000000; ++i) deep += ".a";
  CHECK(parse_error(deep + " = 1\n") ==
        "a.toml:2:66: a key has more than 32 dots\n  nest tables instead");
  // Dots elsewhere are free.
  const std::string dots(100, '.');
  CHECK(tree("s = \"" + dots + "\"  # " + dots + "\nt = '''\n" + dots + "'''\nu = '" + dots +
             "'\nv = \"\"\"a\\\"" + dots + "\"\"\"\nw = [0.1, 0.2]\n")
            .as_table()
            .size() == 5);
}

// promise 11
TEST_CASE("parse survives nesting that would exhaust the stack", "[config]") {
  CHECK(parse_error("a = " + std::string(100000, '[')).find("a.toml:1:") == 0);
}
