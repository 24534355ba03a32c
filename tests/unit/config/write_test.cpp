// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"

using namespace lldm::config;
using lldm::testing::tree;

TEST_CASE("write_toml writes what parse reads back as an equal tree", "[config]") {
  const Value root = tree(
      "s = \"quote \\\" back \\\\ tab \\t line \\n bell \\u0007 é\"\n\"odd key.é\" = 1\nn = -3\n"
      "big = 9223372036854775807\nyes = true\nempty = []\nnested = [[1, 2], [], [{ a = 1 }]]\n"
      "mixed = [1, 2.0, \"x\", { y = 1 }]\n"
      "[memory]\nbudget = \"2 GiB\"\nsub = { deep = { er = 1 } }\n[none]\n"
      "[[stage]]\nname = \"a\"\nobjective = { type = \"dpo\", beta = 0.1 }\n[[stage]]\nname = "
      "\"b\"\n");
  const std::string text = write_toml(root);
  CHECK(tree(text) == root);
  CHECK(write_toml(tree(text)) == text);
}

TEST_CASE("write_toml writes plain keys, then tables, then arrays of tables", "[config]") {
  CHECK(write_toml(tree("[[stage]]\nname = \"a\"\no = { x = 1 }\n[m]\nw = 1.0\n")) ==
        "\n[m]\nw = 1.0\n\n[[stage]]\nname = \"a\"\no = { x = 1 }\n");
}

TEST_CASE("to_toml writes doubles so that they read back bit for bit", "[config]") {
  for (const double value : {0.1, 1.0 / 3.0, 1e-300, 5e-324, 1e22, -0.0, 123456789.125,
                             std::numeric_limits<double>::max()}) {
    const std::string text = to_toml(Value::real(value));
    INFO(text);
    const Value back = tree("x = " + text + "\n").find("x")->value;
    REQUIRE(back.is_real());
    CHECK(back.as_real() == value);
    CHECK(std::signbit(back.as_real()) == std::signbit(value));
  }
  CHECK(to_toml(Value::real(2.0)) == "2.0");
}

TEST_CASE("to_toml refuses a string that is not UTF-8", "[config]") {
  for (const char* text : {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80"})
    CHECK_THROWS_AS(to_toml(Value::string(text)), lldm::Error);
}
