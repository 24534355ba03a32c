// SPDX-License-Identifier: MIT
#include "lldm/experiment/data_options.hpp"

#include "lldm/builtin/builtin.hpp"
#include "lldm/concepts/any_task.hpp"
#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/registry/registry.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"
#include "support/services.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

struct Options {
  DataRef data = {};
  static constexpr auto describe() {
    return std::tuple{field("data", &Options::data, "Rows.").required()};
  }
};

struct World {
  Registry registry;
  config::Diagnostics diagnostics;
  World() { register_builtin_components(registry); }

  DataRef read(const std::string& toml) {
    return config::read_options<Options>(tree(toml), diagnostics, "stage \"s\"", &registry).data;
  }
  std::string error(const std::string& toml) {
    diagnostics = {};
    read(toml);
    return error_text(diagnostics);
  }
};

}  // namespace

TEST_CASE("DataRef: rows of a generator are a task, bound with its defaults", "[experiment]") {
  World world;
  const DataRef data = world.read("data = { generate = \"word_problems\", rows = 5, limit = 3 }");
  CHECK(error_text(world.diagnostics).empty());
  REQUIRE(data.is_generated());
  CHECK(data.task.type() == "word_problems");
  CHECK(data.options.limit == 3);
  CHECK(data.resolved.as_table().front().key == "generate");
  CHECK_FALSE(data.resolved.find("type"));
  CHECK(data.resolved.find("split"));  // a default
  // What is written reads back as the same.
  CHECK(world.read("data = " + config::to_toml(*data.write())).resolved == data.resolved);
  const TestServices services(world.registry);
  const auto task = world.registry.make<AnyTask>(data.task, services.get());
  CHECK(task.examples().size() == 5);
}

TEST_CASE("DataRef: of a file and of a stage only what is read is resolved", "[experiment]") {
  World world;
  const DataRef file = world.read("data = { file = \"rows.jsonl\" }");
  CHECK_FALSE(file.is_generated());
  CHECK(file.options.file.is_absolute());
  CHECK_FALSE(file.has_take());
  CHECK(file.resolved.find("on_bad_row"));
  const DataRef stage = world.read("data = { stage = \"pairs\" }");
  CHECK(stage.has_take());
  for (const char* key : {"file", "on_bad_row", "correct", "at_most"})
    CHECK_FALSE(stage.resolved.find(key));
  const DataRef samples = world.read("data = { stage = \"pairs\", take = \"samples\" }");
  CHECK(samples.resolved.find("correct"));
  CHECK(error_text(world.diagnostics).empty());
  CHECK_FALSE(DataRef().write());
}

TEST_CASE("DataRef: what is wrong is told with place, reason and remedy", "[experiment]") {
  World world;
  CHECK(world.error("data = 3") ==
        "a.toml:1:8: stage \"s\": \"data\" is the integer 3\n"
        "  write { generate = TASK }, { file = PATH }, { stage = NAME } or { corpus = DIR }");
  CHECK(world.error("data = { limit = 3 }") ==
        "a.toml:1:8: stage \"s\": \"data\" names no source of rows\n"
        "  give exactly one of `generate` (a task), `file`, `stage` and `corpus`");
  CHECK(world.error("data = { file = \"a\", stage = \"b\" }") ==
        "a.toml:1:8: stage \"s\": \"data\" names several sources of rows\n"
        "  give exactly one of `generate` (a task), `file`, `stage` and `corpus`");
  CHECK(world.error("data = { stage = \"b\", on_bad_row = \"skip\", correct = false }") ==
        "a.toml:1:23: stage \"s\" [data]: \"on_bad_row\" is not read here\n"
        "  it belongs to { file = PATH }\n"
        "a.toml:1:44: stage \"s\" [data]: \"correct\" is not read here\n"
        "  it belongs to take = \"samples\"");
  const std::string misspelt = world.error("data = { generate = \"word_problem\", rows = 5 }");
  CHECK(misspelt.find("a.toml:1:21: stage \"s\" [data]: no task is named \"word_problem\"") == 0);
  CHECK(misspelt.find("did you mean \"word_problems\"?") != std::string::npos);
}

TEST_CASE("DataRef: columns and format belong to a file, and stand in the resolved table only then",
          "[experiment]") {
  World world;
  const DataRef plain = world.read("data = { file = \"a.jsonl\" }");
  for (const char* key : {"columns", "format", "corpus", "packing", "length"})
    CHECK_FALSE(plain.resolved.find(key));
  const DataRef named = world.read(
      "data = { file = \"a.jsonl\", format = \"preference\", columns = { chosen = \"good\" } }");
  CHECK(named.options.format == RowForm::preference);
  CHECK(named.options.columns == Columns{{"chosen", "good"}});
  CHECK(named.resolved.find("columns"));
  CHECK(named.resolved.find("format"));
  CHECK_FALSE(
      world.read("data = { file = \"a.jsonl\", format = \"auto\" }").resolved.find("format"));
  CHECK(error_text(world.diagnostics).empty());
  CHECK(world.error("data = { stage = \"b\", columns = { chosen = \"good\" } }")
            .find("\"columns\" is not read here\n  it belongs to { file = ... }") !=
        std::string::npos);
  CHECK(world.error("data = { file = \"a\", columns = { choosen = \"good\" } }")
            .find("did you mean \"chosen\"") != std::string::npos);
  CHECK(world.error("data = { file = \"a\", format = \"preferences\" }")
            .find("did you mean \"preference\"") != std::string::npos);
}

TEST_CASE("DataRef: a corpus has its own keys, and no others", "[experiment]") {
  World world;
  const DataRef corpus = world.read("data = { corpus = \"packed\" }");
  CHECK(corpus.is_corpus());
  CHECK(corpus.options.corpus.is_absolute());
  for (const char* key : {"corpus", "packing", "length"}) CHECK(corpus.resolved.find(key));
  for (const char* key : {"file", "stage", "take", "limit", "on_bad_row", "correct", "columns"})
    CHECK_FALSE(corpus.resolved.find(key));
  CHECK(error_text(world.diagnostics).empty());
  CHECK(world.error("data = { corpus = \"packed\", limit = 3 }")
            .find("\"limit\" is not read here\n  a corpus is read as it was packed") !=
        std::string::npos);
  CHECK(world.error("data = { file = \"a\", packing = \"isolated\" }")
            .find("\"packing\" is not read here\n  it belongs to { corpus = ... }") !=
        std::string::npos);
}
