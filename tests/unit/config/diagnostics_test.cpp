// SPDX-License-Identifier: MIT
#include "lldm/config/diagnostics.hpp"

#include <memory>
#include <vector>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using namespace lldm::config;

namespace {

Position at(const std::string& file, int line, int column) {
  return {std::make_shared<const Source>(Source{file, "."}), line, column};
}

}  // namespace

// promise 11
TEST_CASE("Diagnostics throw every error at once, sorted by file, line and column", "[config]") {
  Diagnostics diagnostics;
  diagnostics.throw_if_any();  // nothing yet
  diagnostics.error(at("b.toml", 1, 1), "third", "hint three");
  diagnostics.error(at("a.toml", 10, 2), "second", "hint two");
  diagnostics.error(at("a.toml", 9, 7), "first", "");
  CHECK(diagnostics.num_errors() == 3);
  try {
    diagnostics.throw_if_any();
    FAIL("nothing was thrown");
  } catch (const lldm::ConfigError& error) {
    CHECK(std::string(error.what()) ==
          "a.toml:9:7: first\na.toml:10:2: second\n  hint two\nb.toml:1:1: third\n  hint three");
    CHECK(lldm::exit_code(error) == 2);
  }
}

TEST_CASE("Diagnostics count the same message at the same place once", "[config]") {
  Diagnostics diagnostics;
  diagnostics.error(at("a.toml", 1, 1), "wrong", "hint");
  diagnostics.error(at("a.toml", 1, 1), "wrong", "hint");
  diagnostics.error(at("a.toml", 1, 2), "wrong", "hint");
  CHECK(diagnostics.num_errors() == 2);
}

TEST_CASE("Diagnostics keep warnings apart from errors", "[config]") {
  Diagnostics diagnostics;
  diagnostics.warning(at("a.toml", 3, 1), "key is not read", "leave it out");
  CHECK_FALSE(diagnostics.has_errors());
  CHECK_NOTHROW(diagnostics.throw_if_any());
  REQUIRE(diagnostics.warnings().size() == 1);
  CHECK(diagnostics.warnings()[0].text() == "a.toml:3:1: key is not read\n  leave it out");
}

TEST_CASE("Diagnostic without a source begins with its message", "[config]") {
  CHECK(Diagnostic{{}, "wrong", "hint"}.text() == "wrong\n  hint");
}

TEST_CASE("nearest finds one slip of the finger in short names and more in long ones", "[config]") {
  const std::vector<std::string> names = {"beta", "label_smoothing", "mask_token", "time_min"};
  CHECK(nearest("bta", names) == "beta");              // left out
  CHECK(nearest("betaa", names) == "beta");            // added
  CHECK(nearest("bета", names) != "label_smoothing");  // other letters
  CHECK(nearest("ebta", names) == "beta");             // swapped
  CHECK(nearest("BETA", names) == "beta");             // case
  CHECK(nearest("tine_min", names) == "time_min");     // changed
  CHECK(nearest("lable_smothing", names) == "label_smoothing");
  CHECK_FALSE(nearest("gamma", names));
  CHECK_FALSE(nearest("x", names));
  CHECK_FALSE(nearest("", names));
  CHECK_FALSE(nearest("beta", {}));
  CHECK_FALSE(nearest(std::string(100000, 'a'), names));
}

TEST_CASE("nearest keeps the first candidate on ties", "[config]") {
  const std::vector<std::string> names = {"cat", "car"};
  CHECK(nearest("caz", names) == "cat");
}

TEST_CASE("in_quotes shows control characters and shortens long text", "[config]") {
  CHECK(in_quotes("a\"b\\c") == "\"a\\\"b\\\\c\"");
  CHECK(in_quotes("line\nbreak\x7f") == "\"line\\x0abreak\\x7f\"");
  CHECK(in_quotes(std::string(100, 'a')) == "\"" + std::string(60, 'a') + "...\"");
  // The 60th byte lies inside "é": the character is left out whole.
  CHECK(in_quotes(std::string(59, 'a') + "\xC3\xA9zzz") == "\"" + std::string(59, 'a') + "...\"");
}
