// SPDX-License-Identifier: MIT
// [grid]: which cells it has, and which mistakes are told.
#include "lldm/experiment/grid.hpp"

#include "experiment/absolute_paths.hpp"
#include "lldm/builtin/builtin.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/run.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;

namespace {

const std::string kFile = R"(
name = "file"
[[stage]]
name = "sft"
kind = "sft"
data = { file = "rows.jsonl" }
[[stage]]
name = "tuned"
kind = "preference"
from = "sft"
data = { file = "pairs.jsonl" }
objective = { type = "dpo", beta = 0.2 }
optimizer = { steps = 4 }
)";

struct Expanded {
  std::vector<Cell> cells;
  std::string errors;
};

Expanded expand(const std::string& grid) {
  config::Diagnostics diagnostics;
  Expanded result;
  result.cells = expand_grid(testing::tree(kFile + grid), experiment_keys(), diagnostics);
  result.errors = testing::error_text(diagnostics);
  return result;
}

/// "beta steps seed" of every cell.
std::vector<std::string> combinations(const std::vector<Cell>& cells) {
  std::vector<std::string> texts;
  for (const Cell& cell : cells) {
    std::string text;
    for (const auto& [path, value] : cell.axes)
      text += (value.is_string()  ? value.as_string()
               : value.is_table() ? std::string(value.text_of("type"))
                                  : config::to_toml(value)) +
              " ";
    texts.push_back(text + std::to_string(cell.seed));
  }
  return texts;
}

}  // namespace

TEST_CASE("Grid: axes multiply, tied values move together", "[experiment][grid]") {
  const Expanded grid = expand(R"(
[grid]
seeds = [1, 2]
tied = [{ "tuned.objective.beta" = [0.1, 0.4], "tuned.optimizer.steps" = [40, 20] }]
[grid.axes]
"sft.optimizer.steps" = [3, 5]
)");
  CHECK(grid.errors.empty());
  CHECK(combinations(grid.cells) ==
        std::vector<std::string>{"3 0.1 40 1", "3 0.1 40 2", "3 0.4 20 1", "3 0.4 20 2",
                                 "5 0.1 40 1", "5 0.1 40 2", "5 0.4 20 1", "5 0.4 20 2"});
  const config::Value& tuned = grid.cells[2].root.find("stage")->value.as_array()[1];
  CHECK(tuned.find("objective")->value.find("beta")->value.as_real() == 0.4);
  CHECK(tuned.find("optimizer")->value.find("steps")->value.as_integer() == 20);
  CHECK(grid.cells[2].root.find("grid") == nullptr);
}

TEST_CASE("Grid: exclude leaves out cells that match all of an element", "[experiment][grid]") {
  const Expanded grid = expand(R"(
[grid]
seeds = [1, 2]
exclude = [{ "tuned.objective.beta" = 0.4, seed = 2 }, { "tuned.score_estimator" = "one_step" }]
[grid.axes]
"tuned.objective.beta" = [0.1, 0.4]
"tuned.score_estimator" = [{ type = "one_step" }, { type = "segmented", steps = 4 }]
)");
  CHECK(grid.errors.empty());
  CHECK(combinations(grid.cells) ==
        std::vector<std::string>{"0.1 segmented 1", "0.1 segmented 2", "0.4 segmented 1"});
}

TEST_CASE("Grid: mistakes are told with their place and what would be right",
          "[experiment][grid]") {
  const auto errors = [](const std::string& lines) { return expand("[grid]\n" + lines).errors; };
  const std::string axes = "axes = { \"tuned.objective.beta\" = [0.1, 0.4] }\n";
  CHECK_THAT(errors("axis = {}"),
             contains("a.toml:15:1: [grid] has no key \"axis\"\n  did you mean \"axes\"?"));
  CHECK_THAT(errors("axes = { \"tunde.objective.beta\" = [1] }"),
             contains("did you mean \"tuned\"?"));
  CHECK_THAT(errors("tied = [{ \"tunde.objective.beta\" = [1], \"tuned.optimizer.steps\" = [1] }]"),
             contains("did you mean \"tuned\"?"));
  CHECK_THAT(
      errors(axes + "exclude = [{ \"tuned.objective.betta\" = 0.1 }]"),
      contains("no axis is \"tuned.objective.betta\"\n  did you mean \"tuned.objective.beta\"?"));
  CHECK_THAT(errors(axes + "exclude = [{ \"tuned.objective.beta\" = 0.2 }]"),
             contains("is never 0.2\n  its values: 0.1, 0.4"));
  CHECK_THAT(errors(axes + "exclude = [{ seed = 3 }]"), contains("[grid] has no seeds"));
  CHECK_THAT(
      errors(axes +
             "exclude = [{ \"tuned.objective.beta\" = 0.1 }, { \"tuned.objective.beta\" = 0.4 }]"),
      contains("exclude leaves every cell out"));
  CHECK_THAT(
      errors(
          "axes = { \"tuned.objective.beta\" = [0.1, 0.4], \"tuned.optimizer.steps\" = [1, 2] }\n"
          "exclude = [{ \"tuned.objective.beta\" = 0.1, \"tuned.optimizer.steps\" = 1 }, "
          "{ \"tuned.objective.beta\" = 0.1, \"tuned.optimizer.steps\" = 1 }]"),
      !contains("leaves no cell out"));
  CHECK_THAT(
      errors(axes + "tied = [{ \"tuned.objective.beta\" = [1], \"sft.optimizer.steps\" = [1] }]"),
      contains("two axes set \"tuned.objective.beta\""));
  CHECK_THAT(
      errors("tied = [{ \"tuned.objective.beta\" = [1, 2], \"sft.optimizer.steps\" = [1] }]"),
      contains("has 1 values, \"tuned.objective.beta\" has 2"));
  CHECK_THAT(errors("tied = [{ \"tuned.objective.beta\" = 1, \"sft.optimizer.steps\" = 1 }]"),
             contains("an axis lists its values"));
  CHECK_THAT(errors("axes = { \"tuned.objective.beta\" = [0.1, 0.1] }"),
             contains("the value 0.1 twice"));
  // One value in two ways of writing it.
  const auto says_twice = contains("are one value: every value once");
  CHECK_THAT(errors("axes = { \"tuned.objective.beta\" = [1, 1.0] }"),
             contains("1 and 1.0 are one value"));
  CHECK_THAT(errors("axes = { \"tuned.objective\" = [\"dpo\", { type = \"dpo\" }] }"), says_twice);
  CHECK_THAT(errors("axes = { \"tuned.objective\" = [{ type = \"dpo\", beta = 1 }, "
                    "{ beta = 1.0, type = \"dpo\" }] }"),
             says_twice);
  CHECK_THAT(errors("axes = { \"tuned.objective.beta\" = [0.5, 5e-1] }"), contains("twice"));
  CHECK_THAT(errors("tied = [{ \"tuned.objective.beta\" = [1, 1.0], "
                    "\"sft.optimizer.steps\" = [4, 4] }]"),
             says_twice);
  CHECK_THAT(errors("add_axes = { \"tuned.objective.beta\" = [1] }"),
             contains("adds to what a file extends"));
  CHECK_THAT(errors("axes = { \"tuned.objective.beta\" = [0.1], \"tuned.objective\" = [{ type = "
                    "\"ipo\" }] }"),
             contains("lays over what \"tuned.objective.beta\" sets"));
  CHECK_THAT(errors("axes = { threads = [1, 2] }"), contains("one for the whole run"));
  CHECK_THAT(errors("seeds = [1, 1]"), contains("seed 1 stands twice"));
}

TEST_CASE("Grid: 10,000 cells are the cap", "[experiment][grid]") {
  std::string hundred;
  for (int i = 1; i <= 100; ++i) hundred += std::to_string(i) + ", ";
  const std::string axes = "[grid]\naxes = { \"tuned.optimizer.steps\" = [" + hundred +
                           "], \"sft.optimizer.steps\" = [" + hundred + "] }\n";
  const Expanded whole = expand(axes);
  CHECK(whole.errors.empty());
  CHECK(whole.cells.size() == 10000);
  CHECK_THAT(expand(axes + "seeds = [1, 2]\n").errors,
             contains("[grid] has 20000 cells\n  legal: at most 10000"));
}

TEST_CASE("Grid: config.resolved.toml gives the same cells as the file", "[experiment][grid]") {
  const testing::TemporaryFolder folder;
  Registry registry;
  register_builtin_components(registry);
  // A role table of the file on an axis, one below a stage that merges with the file's, and files.
  testing::write_file(folder / "e.toml", R"(
name = "resolved"
[objective]
type = "dpo"
beta = 0.3
[score_estimator]
type = "monte_carlo_elbo"
draws = 2
[[stage]]
name = "sft"
kind = "sft"
data = { file = "rows.jsonl" }
optimizer = { steps = 2 }
[[stage]]
name = "tuned"
kind = "preference"
from = "sft"
data = { file = "a.jsonl" }
score_estimator = { type = "segmented", steps = 4, segments = 2 }
optimizer = { steps = 2 }
[grid]
seeds = { values = [1, 2], from = "tuned" }
exclude = [{ "tuned.data.file" = "b.jsonl", "objective.beta" = 0.5 }]
[grid.axes]
"objective.beta" = [0.1, 0.5]
"tuned.data.file" = ["a.jsonl", "b.jsonl"]
"tuned.score_estimator" = [{ type = "monte_carlo_elbo", count = "bernoulli" }, { type = "one_step" }]
)");
  const LoadedExperiment file = load_experiment(folder / "e.toml", {}, registry);
  std::filesystem::create_directories(folder / "run");
  testing::write_file(folder / "run" / "config.resolved.toml", config::write_toml(file.resolved));
  const LoadedExperiment again =
      load_experiment(folder / "run" / "config.resolved.toml", {}, registry);
  CHECK(config::write_toml(again.resolved) == config::write_toml(file.resolved));
  const RunSchedule a = make_schedule(file.cells, file.experiments, "out"),
                    b = make_schedule(again.cells, again.experiments, "out");
  CHECK(a.cells.size() == 12);
  CHECK(a.cell_ids == b.cell_ids);
  REQUIRE(a.work.size() == b.work.size());
  for (std::size_t w = 0; w < a.work.size(); ++w) CHECK(a.work[w].hash == b.work[w].hash);
  CHECK_THAT(config::write_toml(file.resolved), contains((folder / "b.jsonl").string()));
  CHECK(a.cells.front().axes == b.cells.front().axes);
  // The estimator of the stage takes what the file's table says where it names that type.
  const auto& estimator =
      a.experiments.front().find("tuned")->resolved.find("score_estimator")->value;
  CHECK(estimator.find("draws")->value.as_integer() == 2);
  // Every worker has one thread, whatever --jobs is.
  CHECK(a.experiments.front().options.threads == 1);
  // Seeds begin at tuned: one sft for all.
  CHECK(a.work.size() == 1 + 12);
  CHECK(a.work.front().settings_hash != a.work.front().hash);
}
