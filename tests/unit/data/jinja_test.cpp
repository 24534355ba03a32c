// SPDX-License-Identifier: MIT
// The interpreter of chat templates against jinja2 (chat_templates/README.md).
#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "data/jinja_render.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using jinja::Dict;
using jinja::Value;
using nlohmann::json;

namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(LLDM_SOURCE_DIR) / "tests/unit/data/chat_templates";

std::vector<json> lines_of(const char* name) {
  std::vector<json> out;
  std::ifstream file(kFolder / name);
  for (std::string line; std::getline(file, line);) out.push_back(json::parse(line));
  REQUIRE(!out.empty());
  return out;
}

Dict names_of(const json& row) {
  jinja::List messages;
  for (const json& turn : row.at("messages"))
    messages.push_back(
        Value::of(Dict{{{"role", Value::of(turn.at("role").get<std::string>())},
                        {"content", Value::of(turn.at("content").get<std::string>())}}}));
  Dict names{{{"messages", Value::of(std::move(messages))}}};
  if (row.contains("add_generation_prompt"))
    names.items.emplace_back("add_generation_prompt",
                             Value::of(row.at("add_generation_prompt").get<bool>()));
  if (row.contains("enable_thinking"))
    names.items.emplace_back("enable_thinking", Value::of(row.at("enable_thinking").get<bool>()));
  return names;
}

std::string rendered(const std::string& source, const json& row = {{"messages", json::array()}}) {
  return jinja::render(*jinja::parse(source), names_of(row));
}

}  // namespace

TEST_CASE("The interpreter renders the published templates as jinja2 does", "[data][jinja]") {
  int num_rows = 0;
  for (const json& row : lines_of("rendered.jsonl")) {
    const std::string name = row.at("template");
    std::ifstream file(kFolder / (name + ".jinja"));
    if (!file) continue;  // a text that is not ours to give away
    const std::string source{std::istreambuf_iterator<char>(file), {}};
    INFO(row.dump());
    Dict names = names_of(row);
    names.items.emplace_back("tools", Value::none());
    if (name == "llada") names.items.emplace_back("bos_token", Value::of("<|startoftext|>"));
    CHECK(jinja::render(*jinja::parse(source), names) == row.at("rendered").get<std::string>());
    ++num_rows;
  }
  CHECK(num_rows >= 240);
}

TEST_CASE("The interpreter agrees with jinja2 or says what it has not", "[data][jinja]") {
  int num_equal = 0, num_refused = 0, num_missing = 0;
  for (const json& row : lines_of("expressions.jsonl")) {
    const std::string source = row.at("source");
    INFO(row.dump());
    try {
      const std::string mine = rendered(source, row);
      REQUIRE(row.contains("rendered"));
      CHECK(mine == row.at("rendered").get<std::string>());
      ++num_equal;
    } catch (const jinja::Failure& failure) {
      CHECK(std::string_view(failure.what()).starts_with("line "));
      ++(row.contains("rendered") ? num_missing : num_refused);
    }
  }
  CHECK(num_equal >= 36);
  CHECK(num_refused >= 9);
  CHECK(num_missing <= 4);
}

TEST_CASE("A hostile template ends soon, with its reason", "[data][jinja]") {
  const std::string deep(5000, '('), lists(5000, '[');
  std::string nots;
  for (int i = 0; i < 5000; ++i) nots += "not ";
  const std::vector<std::string> sources = {
      "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
      "{% set ns = namespace(x='aaaaaaaaaaaaaaaa') %}{% for i in range(99) %}{% set ns.x = ns.x + "
      "ns.x %}{% endfor %}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% "
      "endfor %}",
      "{% set ns = namespace(x=[1]) %}{% for i in range(99999) %}{% set ns.x = [ns.x] %}{% endfor "
      "%}",
      "{% set ns = namespace(x=1) %}{% set ns.x = ns %}{{ ns == ns }}",
      "{% set ns = namespace(x=1) %}{% set ns.x = [ns] %}",
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{{ " + deep + " }}",
      "{{ " + lists + " }}",
      "{{ " + nots + "x }}",
      "{% for i in range(99999) %}{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' }}{% endfor %}",
      "{{ 99999999999999999999 }}",
      "{{ 9223372036854775807 + 1 }}",
      "{{ range(99999999999) }}",
      "{{ 'a'.replace('', 'b') }}{{ 'a'.split('') }}",
      "{% endfor %}",
      "{% if true %}",
      "{{ x",
      "{% include 'x' %}",
      "{{ ''.__class__.__mro__ }}",
      "\xff{{ 'a' }}{{ '\xff'[0] }}{{ 1 + '' }}",
  };
  for (const std::string& source : sources) {
    INFO(source.substr(0, 100));
    const auto begin = std::chrono::steady_clock::now();
    CHECK_THROWS_AS(rendered(source), jinja::Failure);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  }
  CHECK_THROWS_WITH(rendered("a\n{{ x.y }}"), "line 2: \"x\" is undefined");
  CHECK_THROWS_WITH(rendered("{{ raise_exception('no roles') }}"),
                    testing::contains("the template refuses it: no roles"));
}
