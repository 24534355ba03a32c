// SPDX-License-Identifier: MIT
#include "lldm/config/value.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"

using namespace lldm::config;
using lldm::testing::tree;

TEST_CASE("Value says what it is when asked for something else", "[config]") {
  const Value root = tree("n = 3\ns = \"abc\"\n");
  CHECK_THROWS_WITH(root.find("s")->value.as_integer(),
                    "config::Value: asked for an integer\n  got the string \"abc\" a.toml:2:5");
  CHECK_THROWS_AS(root.find("n")->value.as_table(), lldm::Error);
  CHECK(root.find("n")->value.as_real() == 3.0);
  CHECK(root.find("missing") == nullptr);
  CHECK(root.find("n")->value.find("anything") == nullptr);
}

TEST_CASE("Value compares content, not places and not the order of members", "[config]") {
  CHECK(tree("a = 1\nb = [1, 2]\n") == tree("\n\nb = [ 1,2 ]\na = 1\n"));
  CHECK_FALSE(tree("b = [1, 2]\n") == tree("b = [2, 1]\n"));
  CHECK_FALSE(tree("a = 1\n") == tree("a = 1.0\n"));
  CHECK_FALSE(tree("a = 1\n") == tree("b = 1\n"));
  CHECK_FALSE(tree("a = 1\n") == tree("a = 1\nb = 2\n"));
}

TEST_CASE("merged lays tables on one another key by key and replaces everything else", "[config]") {
  const Value base = tree("[m]\nwidth = 64\nsizes = [1, 2]\nrope = { base = 100, scale = 2 }\n");
  const Value over = tree("[m]\nsizes = [3]\nrope = { base = 7 }\nlayers = 3\n");
  CHECK(merged(base, over) ==
        tree("[m]\nwidth = 64\nsizes = [3]\nrope = { base = 7, scale = 2 }\nlayers = 3\n"));
}

TEST_CASE("merged discards the old component's keys when another type is named", "[config]") {
  const Value base = tree("[o]\ntype = \"dpo\"\nbeta = 0.1\n");
  CHECK(merged(base, tree("[o]\ntype = \"ipo\"\n")) == tree("[o]\ntype = \"ipo\"\n"));
  CHECK(merged(base, tree("[o]\ntype = \"dpo\"\nx = 1\n")) ==
        tree("[o]\ntype = \"dpo\"\nbeta = 0.1\nx = 1\n"));
  // Neither side names one, or only one does: nothing is replaced.
  CHECK(merged(tree("[o]\nbeta = 0.1\n"), tree("[o]\ntype = \"dpo\"\n")) == base);
  // `terms` alone stands for a weighted sum.
  const Value sum = tree("[o]\nterms = [{ type = \"dpo\" }]\n");
  CHECK(merged(sum, base) == base);
  CHECK(merged(base, sum) == sum);
  CHECK(merged(tree("d = { generate = \"a\", rows = 3 }\n"), tree("d = { generate = \"b\" }\n")) ==
        tree("d = { generate = \"b\" }\n"));
}
