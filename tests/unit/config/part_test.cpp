// SPDX-License-Identifier: MIT
// Options that are put together from parts.
#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"

using namespace lldm;
using namespace lldm::config;
using lldm::testing::error_text;
using lldm::testing::tree;

namespace {

struct Strength {
  double beta = 0.1;
  std::int64_t steps = 4;
  static constexpr auto describe() {
    return std::tuple{field("beta", &Strength::beta, "Strength.").above(0.0),
                      field("steps", &Strength::steps, "Steps.").at_least(1)};
  }
  void check(OptionsCheck& check) const {
    if (steps == 3) check.error("steps", "steps = 3 is odd", "legal: even");
  }
};
struct Middle {
  Strength strength = {};
  bool is_on = false;
  static constexpr auto describe() {
    return std::tuple{part(&Middle::strength), field("is_on", &Middle::is_on, "A switch.")};
  }
};
struct Whole {
  std::string label = "x";
  Middle middle = {};
  static constexpr auto describe() {
    return std::tuple{field("label", &Whole::label, "A name."), part(&Whole::middle)};
  }
};

Whole read(std::string_view text, Diagnostics& diagnostics) {
  return read_options<Whole>(tree(text), diagnostics, "[x]");
}

}  // namespace

TEST_CASE("The keys of a part stand in its holder's table", "[config][part]") {
  std::string keys;
  for (const FieldInfo& info : fields<Whole>()) keys += info.key + "=" + info.default_text + " ";
  CHECK(keys == "label=\"x\" beta=0.1 steps=4 is_on=false ");
  Diagnostics diagnostics;
  const Whole whole = read("label = \"y\"\nbeta = 0.5\nsteps = 8\nis_on = true\n", diagnostics);
  CHECK(error_text(diagnostics) == "");
  CHECK(whole.label == "y");
  CHECK(whole.middle.strength.beta == 0.5);
  CHECK(whole.middle.strength.steps == 8);
  CHECK(whole.middle.is_on);
  CHECK(to_toml(write_options(whole)) == "{ label = \"y\", beta = 0.5, steps = 8, is_on = true }");
}

TEST_CASE("A part's ranges and conditions are its holder's", "[config][part]") {
  Diagnostics ranges;
  (void)read("beta = 0.0\n", ranges);
  CHECK(error_text(ranges).find("\"beta\"") != std::string::npos);
  Diagnostics conditions;
  (void)read("steps = 3\n", conditions);
  CHECK(error_text(conditions).find("steps = 3 is odd") != std::string::npos);
  Diagnostics unknown;
  (void)read("betta = 0.3\n", unknown);
  CHECK(error_text(unknown).find("did you mean \"beta\"?") != std::string::npos);
}
