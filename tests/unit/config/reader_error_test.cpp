// SPDX-License-Identifier: MIT
// One test per message of the reader, with its exact text, and ten mistakes at once.
#include "lldm/config/reader.hpp"

#include <algorithm>
#include <cstdlib>

#include "support/catch.hpp"
#include "support/config_text.hpp"

using namespace lldm::config;
using lldm::ByteSize;
using lldm::Choice;
using lldm::field;
using lldm::testing::error_text;
using lldm::testing::tree;

namespace {

enum class Grid { uniform_time, uniform_alpha };
constexpr auto choices(std::type_identity<Grid>) {
  return std::array{Choice<Grid>{"uniform_time", Grid::uniform_time},
                    Choice<Grid>{"uniform_alpha", Grid::uniform_alpha}};
}

struct Inner {
  std::int64_t steps = 1;
  static constexpr auto describe() {
    return std::tuple{field("steps", &Inner::steps, "Steps.").at_least(1)};
  }
};

struct Everything {
  bool flag = false;
  std::int64_t draws = 4;
  double beta = 0.1;
  std::string label = "x";
  ByteSize budget{std::int64_t{1} << 30};
  Grid grid = Grid::uniform_time;
  std::vector<double> rates = {};
  std::optional<double> limit = {};
  Inner inner = {};
  std::filesystem::path file = {};
  std::map<std::string, double> weights = {};
  Value raw = {};
  std::vector<Grid> grids = {};
  std::vector<Inner> inners = {};
  static constexpr auto describe() {
    return std::tuple{field("flag", &Everything::flag, "A switch."),
                      field("draws", &Everything::draws, "Copies.").range(1, 65536).unit("copies"),
                      field("beta", &Everything::beta, "Strength.").above(0.0),
                      field("label", &Everything::label, "A name."),
                      field("budget", &Everything::budget, "Memory.").at_least(1024.0),
                      field("grid", &Everything::grid, "Grid."),
                      field("rates", &Everything::rates, "Rates.").between(0.0, 1.0),
                      field("limit", &Everything::limit, "Limit.").range(0.0, 2.0),
                      field("inner", &Everything::inner, "Nested."),
                      field("file", &Everything::file, "A file."),
                      field("weights", &Everything::weights, "Weights.").at_least(0.0),
                      field("raw", &Everything::raw, "Anything."),
                      field("grids", &Everything::grids, "Grids."),
                      field("inners", &Everything::inners, "Nested list.")};
  }
};

struct Pair {
  std::string family = {};
  std::int64_t draws = 4;
  std::int64_t masks = 1;
  static constexpr auto describe() {
    return std::tuple{field("family", &Pair::family, "Architecture.").required(),
                      field("draws", &Pair::draws, "Copies."),
                      field("masks", &Pair::masks, "Masks per time.")};
  }
  void check(OptionsCheck& check) const {
    if (draws % masks != 0)
      check.error("masks", "masks = 3 does not divide draws = 8", "legal: a divisor of draws");
    if (!check.is_set("draws")) check.warning("draws", "draws is left to its default", "set it");
  }
};

template <class O>
std::string errors_of(std::string_view text) {
  Diagnostics diagnostics;
  (void)read_options<O>(tree(text), diagnostics, "[m]");
  return error_text(diagnostics);
}

}  // namespace

TEST_CASE("read_options reads every type", "[config]") {
  Diagnostics diagnostics;
  const auto o = read_options<Everything>(
      tree("flag = true\ndraws = 8\nbeta = 1\nlabel = \"y\"\nbudget = \"1.5 GiB\"\n"
           "grid = \"uniform_alpha\"\nrates = [0.25, 0.5]\nlimit = 2\ninner = { steps = 3 }\n"
           "file = \"data/x.jsonl\"\nweights = { a = 1, b = 0.5 }\nraw = [1]\n"
           "grids = [\"uniform_alpha\", \"uniform_time\"]\ninners = [{ steps = 2 }, {}]\n"),
      diagnostics, "[m]");
  CHECK(error_text(diagnostics).empty());
  CHECK(o.flag);
  CHECK(o.draws == 8);
  CHECK(o.beta == 1.0);
  CHECK(o.label == "y");
  CHECK(o.budget.bytes == 1610612736);
  CHECK(o.grid == Grid::uniform_alpha);
  CHECK(o.rates == std::vector{0.25, 0.5});
  CHECK(o.limit == 2.0);
  CHECK(o.inner.steps == 3);
  CHECK(o.file == "data/x.jsonl");
  CHECK(o.weights == std::map<std::string, double>{{"a", 1.0}, {"b", 0.5}});
  CHECK(o.raw == Value::array({Value::integer(1)}));
  CHECK(o.grids == std::vector{Grid::uniform_alpha, Grid::uniform_time});
  REQUIRE(o.inners.size() == 2);
  CHECK(o.inners[0].steps == 2);
  CHECK(o.inners[1].steps == 1);
}

TEST_CASE("read_options keeps the defaults of keys that are left out", "[config]") {
  Diagnostics diagnostics;
  const auto o = read_options<Everything>(Value(), diagnostics, "[m]");
  CHECK_FALSE(diagnostics.has_errors());
  CHECK(o.draws == 4);
  CHECK(o.budget.bytes == std::int64_t{1} << 30);
  CHECK_FALSE(o.limit);
}

// promise 12
TEST_CASE("read_options reports an unknown key with the nearest one and all keys", "[config]") {
  CHECK(errors_of<Pair>("family = \"x\"\n\n  famly = 3\n") ==
        "a.toml:3:3: [m] has no key \"famly\"\n"
        "  did you mean \"family\"?  keys: family, draws, masks");
  CHECK(errors_of<Inner>("nonsense = 3\n") ==
        "a.toml:1:1: [m] has no key \"nonsense\"\n  keys: steps");
  CHECK(errors_of<Everything>("inner = { step = 3 }\n") ==
        "a.toml:1:11: [m] \"inner\" has no key \"step\"\n  did you mean \"steps\"?  keys: steps");
}

TEST_CASE("read_options reports a wrong type with what was seen", "[config]") {
  CHECK(errors_of<Everything>("flag = 1\n") ==
        "a.toml:1:8: [m]: \"flag\" must be a boolean\n  got the integer 1; default: false");
  CHECK(errors_of<Everything>("draws = 4.0\n") ==
        "a.toml:1:9: [m]: \"draws\" must be an integer\n"
        "  got the number 4.0; legal: in [1, 65536] copies; default: 4");
  CHECK(errors_of<Everything>("beta = \"high\"\n") ==
        "a.toml:1:8: [m]: \"beta\" must be a number\n"
        "  got the string \"high\"; legal: above 0; default: 0.1");
  CHECK(errors_of<Everything>("label = [1]\n") ==
        "a.toml:1:9: [m]: \"label\" must be a string\n  got an array of 1; default: \"x\"");
  CHECK(errors_of<Everything>("budget = 1024\n") ==
        "a.toml:1:10: [m]: \"budget\" must be a size with its unit, like \"2 GiB\"\n"
        "  got the integer 1024; legal: at least 1 KiB; default: \"1 GiB\"");
  CHECK(errors_of<Everything>("grid = true\n") ==
        "a.toml:1:8: [m]: \"grid\" must be one of the choices\n  got the boolean true; choices: "
        "uniform_time, uniform_alpha; default: \"uniform_time\"");
  CHECK(errors_of<Everything>("rates = 0.5\n") ==
        "a.toml:1:9: [m]: \"rates\" must be a list of numbers\n"
        "  got the number 0.5; legal: in (0, 1); default: []");
  CHECK(errors_of<Everything>("rates = [0.5, \"x\"]\n") ==
        "a.toml:1:15: [m]: \"rates\" element 1 must be a number\n"
        "  got the string \"x\"; legal: in (0, 1); default: []");
  CHECK(errors_of<Everything>("inner = 3\n") ==
        "a.toml:1:9: [m]: \"inner\" must be a table\n  got the integer 3; default: { steps = 1 }");
  CHECK(errors_of<Everything>("file = \"\"\n") ==
        "a.toml:1:8: [m]: \"file\" must be a path in quotes\n  got the string \"\"; default: \"\"");
  CHECK(errors_of<Everything>("weights = { a = \"x\" }\n") ==
        "a.toml:1:17: [m]: \"weights\" key \"a\" must be a number\n  got the string \"x\"");
}

TEST_CASE("read_options reports a value out of range with the legal range", "[config]") {
  CHECK(errors_of<Everything>("draws = 0\n") ==
        "a.toml:1:9: [m]: \"draws\" must be in [1, 65536] copies\n  got 0; default: 4");
  CHECK(errors_of<Everything>("beta = 0\n") ==
        "a.toml:1:8: [m]: \"beta\" must be above 0\n  got 0; default: 0.1");
  CHECK(errors_of<Everything>("rates = [0.0, 0.5, 1.0]\n") ==
        "a.toml:1:10: [m]: \"rates\" element 0 must be in (0, 1)\n  got 0.0; default: []\n"
        "a.toml:1:20: [m]: \"rates\" element 2 must be in (0, 1)\n  got 1.0; default: []");
  CHECK(errors_of<Everything>("limit = 2.5\n") ==
        "a.toml:1:9: [m]: \"limit\" must be in [0, 2]\n  got 2.5");
  CHECK(errors_of<Everything>("budget = \"1 B\"\n") ==
        "a.toml:1:10: [m]: \"budget\" must be at least 1 KiB\n  got \"1 B\"; default: \"1 GiB\"");
  CHECK(errors_of<Everything>("weights = { a = -1 }\n") ==
        "a.toml:1:17: [m]: \"weights\" key \"a\" must be at least 0\n  got -1; default: {}");
  CHECK(errors_of<Everything>("inners = [{ steps = 0 }]\n") ==
        "a.toml:1:21: [m] \"inners\" element 0: \"steps\" must be at least 1\n  got 0; default: 1");
}

TEST_CASE("read_options reports a size without a known unit", "[config]") {
  for (const char* text :
       {"2 GB", "2", "GiB", "-1 GiB", "1e3 B", "2 gib", "nan GiB", "9999999 TiB"}) {
    CHECK(errors_of<Everything>(std::string("budget = \"") + text + "\"\n") ==
          std::string("a.toml:1:10: [m]: \"budget\" must be a size with its unit, like \"2 GiB\"\n"
                      "  got \"") +
              text + "\"; units: B, KiB, MiB, GiB, TiB");
  }
}

TEST_CASE("read_options does not take a fraction of a byte for none", "[config]") {
  CHECK(errors_of<Everything>("budget = \"0.4 B\"\n") ==
        "a.toml:1:10: [m]: \"budget\" must be 0 or at least 1 B\n  got \"0.4 B\"");
}

TEST_CASE("read_options reports an unknown choice with the nearest one", "[config]") {
  CHECK(errors_of<Everything>("grid = \"unifrom_time\"\n") ==
        "a.toml:1:8: [m]: \"grid\" cannot be \"unifrom_time\"\n"
        "  did you mean \"uniform_time\"?  choices: uniform_time, uniform_alpha");
}

TEST_CASE("read_options reports a missing required key at its table", "[config]") {
  Diagnostics diagnostics;
  const Value root = tree("x = 1\n[m]\ndraws = 3\n");
  (void)read_options<Pair>(root.find("m")->value, diagnostics, "[m]");
  CHECK(error_text(diagnostics) ==
        "a.toml:2:1: [m]: \"family\" is missing\n  it must be given: a string.  Architecture.");
}

TEST_CASE("read_options runs the struct's own check, placed at its key", "[config]") {
  CHECK(errors_of<Pair>("family = \"x\"\ndraws = 8\nmasks = 3\n") ==
        "a.toml:3:1: [m]: masks = 3 does not divide draws = 8\n  legal: a divisor of draws");
  // Not while a key by itself is wrong: what follows from it is noise.
  CHECK(errors_of<Pair>("family = 1\ndraws = 8\nmasks = 3\n") ==
        "a.toml:1:10: [m]: \"family\" must be a string\n  got the integer 1");
  Diagnostics diagnostics;
  (void)read_options<Pair>(tree("family = \"x\"\n"), diagnostics, "[m]");
  REQUIRE(diagnostics.warnings().size() == 1);
  CHECK(diagnostics.warnings()[0].text() ==
        "a.toml:1:1: [m]: draws is left to its default\n  set it");
}

TEST_CASE("read_options resolves a path against the folder of the file it stands in", "[config]") {
  Diagnostics diagnostics;
  const Value root = parse("file = \"../data/x.jsonl\"\n", {"exp/a.toml", "exp"}, diagnostics);
  CHECK(read_options<Everything>(root, diagnostics, "[m]").file == "data/x.jsonl");
  const Value absolute = parse("file = \"/data/x.jsonl\"\n", {"exp/a.toml", "exp"}, diagnostics);
  CHECK(read_options<Everything>(absolute, diagnostics, "[m]").file == "/data/x.jsonl");
  CHECK_FALSE(diagnostics.has_errors());
}

TEST_CASE("read_options replaces environment variables in paths and misses none", "[config]") {
  REQUIRE(setenv("LLDM_TEST_FOLDER", "/some/where", 1) == 0);
  Diagnostics diagnostics;
  const Value root = tree("file = \"${LLDM_TEST_FOLDER}/x\"\n");
  CHECK(read_options<Everything>(root, diagnostics, "[m]").file == "/some/where/x");
  REQUIRE(unsetenv("LLDM_TEST_FOLDER") == 0);
  CHECK(errors_of<Everything>("file = \"${LLDM_TEST_FOLDER}/x\"\n") ==
        "a.toml:1:8: [m]: \"file\" needs the environment variable LLDM_TEST_FOLDER, which is not "
        "set\n"
        "  got \"${LLDM_TEST_FOLDER}/x\"; set it: export LLDM_TEST_FOLDER=FOLDER");
  CHECK(errors_of<Everything>("file = \"${LLDM\"\n") ==
        "a.toml:1:8: [m]: \"file\" has a \"${\" without \"}\"\n  got \"${LLDM\"");
  CHECK(errors_of<Everything>("file = \"$LLDM_DATA/x\"\n") ==
        "a.toml:1:8: [m]: \"file\" names no file: \"$LLDM_DATA\" is taken as it stands\n"
        "  a variable of the environment is written ${LLDM_DATA}");
  CHECK(errors_of<Everything>("file = \"costs_$5/x\"\n").empty());
}

// promise 11
TEST_CASE("Ten mistakes in one file are all reported, in order", "[config]") {
  const std::string text = errors_of<Everything>(
      "flg = true\ndraws = 0\nbeta = \"x\"\nlabel = 3\nbudget = \"2 GB\"\n"
      "grid = \"uniform\"\nrates = [2.0]\nlimit = -1\ninner = { stps = 1 }\nweights = 3\n");
  std::size_t places = 0;
  for (int line = 1; line <= 10; ++line)
    places += text.find("a.toml:" + std::to_string(line) + ":") != std::string::npos ? 1 : 0;
  INFO(text);
  CHECK(places == 10);
  CHECK(std::count(text.begin(), text.end(), '\n') == 19);
}

TEST_CASE("write_options writes what read_options reads back", "[config]") {
  Diagnostics diagnostics;
  const Value given = tree(
      "flag = true\ndraws = 8\nbeta = 0.30000000000000004\nlabel = \"y\"\nbudget = \"1536 MiB\"\n"
      "grid = \"uniform_alpha\"\nrates = [0.25, 0.5]\nlimit = 2.0\ninner = { steps = 3 }\n"
      "file = \"/data/x.jsonl\"\nweights = { a = 1.0, b = 0.5 }\nraw = { x = 1 }\n"
      "grids = [\"uniform_alpha\"]\ninners = [{ steps = 2 }]\n");
  const auto options = read_options<Everything>(given, diagnostics, "[m]");
  CHECK(write_options(options) == given);
  CHECK(tree(write_toml(write_options(options))) == given);
  // Defaults are written too; what is absent stays absent.
  const Value defaults = write_options(Everything{});
  CHECK(defaults.find("file") == nullptr);  // no path: "" would be refused
  CHECK(defaults.find("draws")->value == Value::integer(4));
  CHECK(defaults.find("limit") == nullptr);
  CHECK(defaults.find("raw") == nullptr);
}

TEST_CASE("fields says of every key what help and docs need", "[config]") {
  const auto& infos = fields<Everything>();
  REQUIRE(infos.size() == 14);
  CHECK(infos[1].key == "draws");
  CHECK(infos[1].type == "integer");
  CHECK(infos[1].default_text == "4");
  CHECK(infos[1].range == "in [1, 65536]");
  CHECK(infos[1].unit == "copies");
  CHECK(infos[1].help == "Copies.");
  CHECK(infos[5].choices == std::vector<std::string>{"uniform_time", "uniform_alpha"});
  CHECK(infos[6].type == "list of numbers");
  CHECK(infos[7].default_text.empty());
  REQUIRE(infos[8].fields.size() == 1);
  CHECK(infos[8].fields[0].range == "at least 1");
  CHECK(infos[12].choices.size() == 2);
  CHECK(fields<Pair>()[0].is_required);
  CHECK(fields<Pair>()[0].default_text.empty());
}
