// SPDX-License-Identifier: MIT
#include "lldm/config/document.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"

using namespace lldm::config;
using lldm::testing::error_text;
using lldm::testing::tree;

namespace {

const char* const kFile =
    "name = \"x\"\nseed = 1\n[objective]\ntype = \"dpo\"\nbeta = 0.1\n[process]\n"
    "schedule = \"linear\"\n[[stage]]\nname = \"tuned\"\n"
    "objective = { type = \"dpo\", beta = 0.2 }\nterms = [{ type = \"a\", w = 1 }, { type = \"b\" "
    "}]\n";

struct Result {
  Value root;
  std::string errors;
};

Result with(std::vector<std::string> overrides, std::vector<std::string> keys = {}) {
  Diagnostics diagnostics;
  Result result{tree(kFile), ""};
  apply_overrides(result.root, {std::move(overrides), std::move(keys)}, diagnostics);
  result.errors = error_text(diagnostics);
  return result;
}

Value value_of(const std::string& text) {
  const Result result = with({"new=" + text});
  CHECK(result.errors.empty());
  return result.root.find("new")->value;
}

}  // namespace

TEST_CASE("--set reads its value as TOML, else as a bare string", "[config]") {
  CHECK(value_of("3") == Value::integer(3));
  CHECK(value_of("3.5") == Value::real(3.5));
  CHECK(value_of("true") == Value::boolean(true));
  CHECK(value_of("\"a b\"") == Value::string("a b"));
  CHECK(value_of("cosine") == Value::string("cosine"));
  CHECK(value_of("2 GiB") == Value::string("2 GiB"));
  CHECK(value_of("runs/a.b") == Value::string("runs/a.b"));
  CHECK(value_of("a=b") == Value::string("a=b"));
  CHECK(value_of("") == Value::string(""));
  CHECK(value_of("3#4") == Value::string("3#4"));
  CHECK(value_of("[1, 2]") == Value::array({Value::integer(1), Value::integer(2)}));
  CHECK(value_of("{ type = \"ipo\" }") == tree("type = \"ipo\"\n"));
}

TEST_CASE("--set replaces keys, makes tables and reaches into stages and arrays", "[config]") {
  CHECK(with({"seed=7"}).root.find("seed")->value == Value::integer(7));
  CHECK(with({"memory.budget=2 GiB"}).root.find("memory")->value == tree("budget = \"2 GiB\"\n"));
  const Value stage = with({"tuned.objective.beta=0.3", "tuned.terms.1.type=c"})
                          .root.find("stage")
                          ->value.as_array()[0];
  CHECK(stage == tree("name = \"tuned\"\nobjective = { type = \"dpo\", beta = 0.3 }\n"
                      "terms = [{ type = \"a\", w = 1 }, { type = \"c\" }]\n"));
  CHECK(with({"objective.\"a.b\"=1"}).root.find("objective")->value.find("a.b") != nullptr);
}

TEST_CASE("--set of another type discards the old keys, never those of another --set", "[config]") {
  CHECK(with({"objective.beta=0.5", "objective.type=ipo"}).root.find("objective")->value ==
        tree("type = \"ipo\"\nbeta = 0.5\n"));
  CHECK(with({"objective.type=ipo"}).root.find("objective")->value == tree("type = \"ipo\"\n"));
  CHECK(with({"objective.type=dpo"}).root.find("objective")->value ==
        tree("type = \"dpo\"\nbeta = 0.1\n"));
  CHECK(with({"tuned.objective={ type = \"ipo\", tau = 1 }"})
            .root.find("stage")
            ->value.as_array()[0]
            .find("objective")
            ->value == tree("type = \"ipo\"\ntau = 1\n"));
}

TEST_CASE("an optimizer of another type keeps the steps", "[config]") {
  // As config.resolved.toml says all keys, and a grid's axis the type of each cell.
  Diagnostics diagnostics;
  Value root =
      tree("optimizer = { type = \"adamw\", steps = 2, beta1 = 0.9, resident = \"host\" }\n");
  apply_overrides(root, {{"optimizer.type=adafactor"}, {}}, diagnostics);
  CHECK(error_text(diagnostics).empty());
  const Value& optimizer = root.find("optimizer")->value;
  CHECK(optimizer.text_of("type") == "adafactor");
  REQUIRE(optimizer.find("steps"));
  CHECK(optimizer.find("steps")->value == Value::integer(2));
  CHECK_FALSE(optimizer.find("resident"));  // adafactor refuses it
}

TEST_CASE("--set names its own text as the place of its keys and values", "[config]") {
  const Value root = with({"tuned.objective.beta=0.3"}).root;
  const Member& beta =
      *root.find("stage")->value.as_array()[0].find("objective")->value.find("beta");
  CHECK(beta.position.text() == "--set:1:17");
  CHECK(beta.value.position().text() == "--set:1:22");
  const Value nested = with({"objective={ type = \"ipo\", tau = 1 }"}).root;
  CHECK(nested.find("objective")->value.find("tau")->value.position().text() == "--set:1:33");
}

TEST_CASE("--set errors say what is wrong and where in the text", "[config]") {
  CHECK(with({"seed"}).errors ==
        "--set:1:1: --set \"seed\" has no \"=\"\n  write --set key.path=VALUE");
  CHECK(with({"=3"}).errors == "--set:1:1: --set \"=3\" has no key\n  write --set key.path=VALUE");
  CHECK(with({"a..b=3"}).errors ==
        "--set:1:1: \"a..b\" is not a key path\n"
        "  write names with dots between them: tuned.objective.beta");
  CHECK(with({"seed.x=3"}).errors ==
        "--set:1:6: \"seed\" is the integer 1: it has no keys\n  give the whole value: seed=VALUE");
  CHECK(with({"process.schedule.low=0.1"}).errors ==
        "--set:1:18: \"schedule\" is the string \"linear\": it has no keys\n"
        "  write it as a table: schedule={ type = \"linear\", low = ... }");
  CHECK(with({"tuned=3"}).errors ==
        "--set:1:1: \"tuned\" is a stage, not a key\n  name one of its keys: tuned.KEY=VALUE");
  CHECK(with({"tuned.terms.2.w=3"}).errors ==
        "--set:1:13: the array has no element \"2\"\n  legal: 0 to 1");
  CHECK(with({"tuned.x=1"}, {"tuned"}).errors ==
        "--set:1:1: \"tuned\" is both a stage and a table of the file\n  rename the stage");
  CHECK(
      with({"seed=1979-05-27"}).errors ==
      "--set:1:6: dates and times have no meaning here\n  write the value in quotes: as a string");
  CHECK(with({"seed=[1, 2"}).errors.find("--set:1:") == 0);
  CHECK(with({"seed=[1, 2"}).errors.find("this value is not TOML") != std::string::npos);
  CHECK(with({"seed=[1]\nname = 3"}).errors ==
        "--set:1:6: the value is followed by other keys\n  give each key its own --set");
}

TEST_CASE("--set names the nearest key or stage when the first word is unknown", "[config]") {
  CHECK(with({"tunde.objective.beta=1"}, {"name", "seed", "objective"}).errors ==
        "--set:1:1: there is no key or stage \"tunde\"\n"
        "  did you mean \"tuned\"?  keys and stages: name, seed, objective, process, stage, tuned");
  CHECK(with({"memory.budget=1"}, {"name", "memory"}).errors.empty());
}
