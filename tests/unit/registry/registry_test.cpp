// SPDX-License-Identifier: MIT
#include "lldm/registry/registry.hpp"

#include <cmath>

#include "lldm/builtin/builtin.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registration.hpp"
#include "lldm/schedule/cosine.hpp"
#include "lldm/schedule/linear.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"
#include "support/contains.hpp"
#include "support/services.hpp"

using namespace lldm;
using lldm::testing::error_text;
using lldm::testing::tree;

namespace {

/// A schedule that holds another one, with a key of its own in that one's table.
struct HeldExtra {
  double weight = 1.0;
  static constexpr auto describe() {
    return std::tuple{
        field("weight", &HeldExtra::weight, "Share of the inner schedule.").at_least(0.0)};
  }
  bool operator==(const HeldExtra&) const = default;
};

class Scaled {
 public:
  struct Options {
    ComponentRef<Role::noise_schedule, HeldExtra> inner = "linear";
    double scale = 1.0;
    static constexpr auto describe() {
      return std::tuple{field("inner", &Options::inner, "What is scaled."),
                        field("scale", &Options::scale, "By how much.").between(0.0, 2.0)};
    }
    void check(config::OptionsCheck& check) const {
      if (scale == 0.25)
        check.error("scale", "scale = 0.25 is for tests of errors", "legal: any other");
    }
  };
  static constexpr std::string_view name() { return "scaled"; }
  static constexpr std::string_view description() { return "another schedule, scaled"; }
  Scaled(const Options& options, const Services& services)
      : scale_(options.scale * options.inner.extra.weight),
        inner_(services.registry.make<AnyNoiseSchedule>(options.inner, services)) {
    if (scale_ > 10) throw ConfigError("scale times weight is above 10\n  legal: at most 10");
  }

  [[nodiscard]] double alpha(double t) const { return scale_ * inner_.alpha(t); }
  [[nodiscard]] double alpha_derivative(double t) const {
    return scale_ * inner_.alpha_derivative(t);
  }
  [[nodiscard]] double inverse_alpha(double a) const { return inner_.inverse_alpha(a / scale_); }

 private:
  double scale_;
  AnyNoiseSchedule inner_;
};

Registry schedules() {
  Registry registry;
  registry.add<LinearSchedule>().add<CosineSchedule>().add<Scaled>();
  return registry;
}

std::string bind_error(std::string_view text, const BindOptions& options = {}) {
  config::Diagnostics diagnostics;
  const BoundComponent bound =
      schedules().bind(Role::noise_schedule, tree(text), diagnostics, options);
  CHECK_FALSE(bound);
  return error_text(diagnostics);
}

AnyNoiseSchedule made(std::string_view text) {
  const Registry registry = schedules();
  config::Diagnostics diagnostics;
  const BoundComponent bound = registry.bind(Role::noise_schedule, tree(text), diagnostics);
  diagnostics.throw_if_any();
  return registry.make<AnyNoiseSchedule>(bound, testing::TestServices(registry).get());
}

Entry entry(std::string name) {
  return {Role::objective, std::move(name), "", {}, {}, {}, nullptr, nullptr, nullptr};
}

}  // namespace

TEST_CASE("Registry lists components by role in the order they came", "[plugin]") {
  Registry registry = schedules();
  CHECK(registry.listing(Role::noise_schedule) ==
        "noise schedules: linear, cosine, scaled (lldm 0.1.0)");
  CHECK(registry.listing(Role::task) == "tasks: none");
  registry.set_origin({"remask", "0.1.2", "remask.cpp:3"});
  registry.add(entry("b")).add(entry("a"));
  CHECK(registry.listing(Role::objective) == "objectives: b, a (remask 0.1.2)");
  CHECK(registry.entries(Role::noise_schedule).size() == 3);
  CHECK(registry.entries().size() == 5);
  CHECK(registry.find(Role::objective, "linear") == nullptr);
  CHECK(registry.find(Role::noise_schedule, "linear")->description == "alpha(t) = 1 - t");
}

TEST_CASE("Registry refuses names outside [a-z][a-z0-9_]*", "[plugin]") {
  Registry registry;
  for (const char* name : {"", "Dpo", "1st", "_x", "a-b", "a b", "é"})
    CHECK_THROWS_AS(registry.add(entry(name)), PluginError);
  CHECK_THROWS_WITH(registry.add(entry("Dpo")),
                    "objective \"Dpo\" of lldm 0.1.0: this is no legal name\n"
                    "  legal: [a-z][a-z0-9_]*, like \"margin_dpo\"");
  Entry reserved = entry("fine");
  reserved.fields.resize(1);
  reserved.fields[0].key = "type";
  CHECK_THROWS_WITH(registry.add(reserved),
                    "objective \"fine\" of lldm 0.1.0: an option cannot be called \"type\"\n"
                    "  legal: [a-z][a-z0-9_]*, but not \"type\"");
  CHECK(registry.entries().empty());
}

TEST_CASE("Registry refuses a second component of the same role and name, naming both plugins",
          "[plugin]") {
  Registry registry;
  registry.add(entry("dpo"));
  registry.set_origin({"remask", "0.1.2", "remask.cpp:3"});
  CHECK_THROWS_WITH(
      registry.add(entry("dpo")),
      "objective \"dpo\" of remask 0.1.2 exists already\n"
      "  first: lldm 0.1.0\n  again: remask 0.1.2 (remask.cpp:3); rename one of them");
  Entry other_role = entry("dpo");
  other_role.role = Role::task;
  CHECK_NOTHROW(registry.add(other_role));
}

TEST_CASE("bind reports an unknown component with the nearest one and all of its role",
          "[plugin]") {
  CHECK(bind_error("x = 1\ntype = \"liner\"\n") ==
        "a.toml:2:8: [noise_schedule]: no noise_schedule is named \"liner\"\n"
        "  did you mean \"linear\"?  noise schedules: linear, cosine, scaled (lldm 0.1.0)");
  CHECK(bind_error("x = 1\n", {.where = "stage \"sft\" [schedule]"}) ==
        "a.toml:1:1: stage \"sft\" [schedule]: \"type\" is missing\n"
        "  noise schedules: linear, cosine, scaled (lldm 0.1.0)");
  CHECK(bind_error("type = 3\n") ==
        "a.toml:1:8: [noise_schedule]: \"type\" must be a name in quotes\n"
        "  got the integer 3; noise schedules: linear, cosine, scaled (lldm 0.1.0)");
}

TEST_CASE("bind reads another word for `type` where its caller says so", "[plugin]") {
  const Registry registry = schedules();
  config::Diagnostics diagnostics;
  const BindOptions options{.where = "[data]", .synonym = "generate", .extra_keys = {"rows"}};
  const BoundComponent bound =
      registry.bind(Role::noise_schedule, tree("generate = \"scaled\"\nrows = 5\nscale = 0.5\n"),
                    diagnostics, options);
  CHECK(error_text(diagnostics).empty());
  REQUIRE(bound);
  CHECK(bound.entry->name == "scaled");
  CHECK(bound.where == "[data] generate \"scaled\"");
  CHECK(
      bound.table ==
      tree("generate = \"scaled\"\ninner = { type = \"linear\", weight = 1.0 }\nscale = 0.5\nrows "
           "= 5\n"));
  CHECK(
      bind_error("generate = \"linear\"\ntype = \"cosine\"\n", options) ==
      "a.toml:1:1: [data] has both \"type\" and \"generate\"\n  they mean the same: leave one out");
  CHECK(bind_error("generate = \"linear\"\nrow = 3\n", options) ==
        "a.toml:2:1: [data] generate \"linear\" has no key \"row\"\n"
        "  did you mean \"rows\"?  keys: rows");
}

// promise 12
TEST_CASE("bind reports all mistakes of a table and of the components inside it", "[plugin]") {
  CHECK(
      bind_error("type = \"scaled\"\nscale = 3\nscal = 1\ninner = { type = \"linear\", low = 1, "
                 "weight = -1 }\n") ==
      "a.toml:2:9: [noise_schedule] type \"scaled\": \"scale\" must be in (0, 2)\n"
      "  got 3; default: 1.0\n"
      "a.toml:3:1: [noise_schedule] type \"scaled\" has no key \"scal\"\n"
      "  did you mean \"scale\"?  keys: inner, scale\n"
      "a.toml:4:28: [noise_schedule] type \"scaled\" \"inner\" type \"linear\" has no key \"low\"\n"
      "  keys: weight\n"
      "a.toml:4:46: [noise_schedule] type \"scaled\" \"inner\": \"weight\" must be at least 0\n"
      "  got -1; default: 1.0");
  CHECK(bind_error("type = \"scaled\"\ninner = \"cosin\"\n") ==
        "a.toml:2:9: [noise_schedule] type \"scaled\" \"inner\": no noise_schedule is named "
        "\"cosin\"\n"
        "  did you mean \"cosine\"?  noise schedules: linear, cosine, scaled (lldm 0.1.0)");
  CHECK(
      bind_error("type = \"scaled\"\ninner = 3\n") ==
      "a.toml:2:9: [noise_schedule] type \"scaled\": \"inner\" must be a noise_schedule: its name, "
      "or a table with `type`\n"
      "  got the integer 3; default: { type = \"linear\", weight = 1.0 }");
  CHECK(bind_error("type = \"scaled\"\nscale = 0.25\n") ==
        "a.toml:2:1: [noise_schedule] type \"scaled\": scale = 0.25 is for tests of errors\n"
        "  legal: any other");
}

TEST_CASE("make builds components inside components", "[plugin]") {
  CHECK(made("type = \"linear\"\n").alpha(0.25) == 0.75);
  CHECK(made("type = \"scaled\"\nscale = 0.5\n").alpha(0.25) == 0.375);
  CHECK(made("type = \"scaled\"\ninner = \"cosine\"\n").alpha(0.0) ==
        Approx(1.0 - std::cos(M_PI / 2)));
  CHECK(made("type = \"scaled\"\nscale = 0.5\n"
             "inner = { type = \"scaled\", scale = 0.5, weight = 3, inner = \"linear\" }\n")
            .alpha(0.0) == 0.75);
}

TEST_CASE("make places a constructor's refusal at its table", "[plugin]") {
  CHECK_THROWS_WITH(made("type = \"scaled\"\ninner = { type = \"linear\", weight = 100 }\n"),
                    "a.toml:1:1: [noise_schedule] type \"scaled\": scale times weight is above 10\n"
                    "  legal: at most 10");
}

TEST_CASE("make refuses another role's type and what was not bound", "[plugin]") {
  const Registry registry = schedules();
  const testing::TestServices services(registry);
  config::Diagnostics diagnostics;
  const auto bound = registry.bind(Role::noise_schedule, tree("type = \"linear\"\n"), diagnostics);
  CHECK_THROWS_WITH(registry.make<AnyObjective>(bound, services.get()),
                    "Registry::make: [noise_schedule] type \"linear\" is a noise_schedule\n"
                    "  ask for the Any type of that role");
  CHECK_THROWS_AS(registry.make<AnyObjective>(BoundComponent{}, services.get()), Error);
}

TEST_CASE("bind fills in defaults so that the written file says everything and reads back",
          "[plugin]") {
  const Registry registry = schedules();
  config::Diagnostics diagnostics;
  const auto bound = registry.bind(
      Role::noise_schedule, tree("scale = 0.5\ntype = \"scaled\"\ninner = { type = \"scaled\" }\n"),
      diagnostics);
  REQUIRE(bound);
  const auto wanted = tree(
      "type = \"scaled\"\nscale = 0.5\ninner = { type = \"scaled\", scale = 1.0, weight = 1.0, "
      "inner = { type = \"linear\", weight = 1.0 } }\n");
  CHECK(bound.table == wanted);
  const auto again =
      registry.bind(Role::noise_schedule, tree(write_toml(bound.table)), diagnostics);
  REQUIRE(again);
  CHECK(again.table == wanted);
  // What the user wrote keeps its place.
  CHECK(bound.table.find("scale")->value.position().text() == "a.toml:1:9");
}

TEST_CASE("role_from_text knows singular, plural and short names", "[plugin]") {
  CHECK(role_from_text("objectives") == Role::objective);
  CHECK(role_from_text("score_estimator") == Role::score_estimator);
  CHECK(role_from_text("estimators") == Role::score_estimator);
  CHECK(role_from_text("score estimators") == Role::score_estimator);
  CHECK_FALSE(role_from_text("objectivs"));
  for (const Role role : kRoles) CHECK(role_from_text(role_name(role)) == role);
}

// promise 12
TEST_CASE("An objective's keys of other libraries are answered with what to write, or why not",
          "[plugin][registry]") {
  Registry registry;
  register_builtin_components(registry);
  const auto errors = [&](const std::string& text) {
    config::Diagnostics diagnostics;
    CHECK(!registry.bind(Role::objective, tree(text), diagnostics));
    std::string out;
    for (const auto& error : diagnostics.errors()) out += error.text() + "\n";
    return out;
  };
  CHECK_THAT(
      errors("type = \"dpo\"\nuse_weighting = true\n"),
      testing::contains("\"dpo\" has no key \"use_weighting\"\n  WPO's weights need the sum of "
                        "squared probabilities"));
  // Beside another mistake both are told; a plain typing error still gets the nearest key.
  const std::string both = errors("type = \"dpo\"\nloss_weights = [1]\nbeat = 0.1\n");
  CHECK_THAT(both,
             testing::contains("has no key \"loss_weights\"\n  a weighted sum is written terms"));
  CHECK_THAT(both, testing::contains("did you mean \"beta\"?"));
}
