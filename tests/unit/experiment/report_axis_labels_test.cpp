// SPDX-License-Identifier: MIT
// Labels of axes say what differs, also where a value leaves to its defaults what another names.
#include "experiment/axis_labels.hpp"

#include "experiment/work_names.hpp"
#include "lldm/builtin/builtin.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/run.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using Json = nlohmann::ordered_json;

namespace {

/// Names of the cells of a file whose [grid.axes] are these.
std::vector<std::string> cell_names(const std::string& axes) {
  const testing::TemporaryFolder folder;
  testing::write_file(folder / "rows.jsonl", R"({"prompt": "a", "response": "b"})"
                                             "\n");
  testing::write_file(folder / "pairs.jsonl", R"({"prompt": "a", "chosen": "b", "rejected": "c"})"
                                              "\n");
  testing::write_file(folder / "e.toml", R"(
name = "e"
[tokenizer]
type = "bytes"
[[stage]]
name = "sft"
kind = "sft"
data = { file = "rows.jsonl" }
optimizer = { steps = 1 }
[[stage]]
name = "tuned"
kind = "preference"
from = "sft"
data = { file = "pairs.jsonl" }
optimizer = { steps = 2 }
[grid.axes]
)" + axes);
  Registry registry;
  register_builtin_components(registry);
  const LoadedExperiment file = load_experiment(folder / "e.toml", {}, registry);
  const RunSchedule schedule = make_schedule(file.cells, file.experiments, folder / "out");
  std::vector<std::string> names;
  for (std::size_t c = 0; c < schedule.cells.size(); ++c) {
    names.push_back(WorkNames(schedule).of(schedule.cells[c]));
    CHECK(cell_id(file.cells[c]) == schedule.cell_ids[c]);  // of the axes as they are written
  }
  return names;
}

}  // namespace

TEST_CASE("Axis labels: a name is the table { type = name } with its defaults", "[experiment]") {
  using Names = std::vector<std::string>;
  CHECK(cell_names(R"("tuned.score_estimator" = ["monte_carlo_elbo",
    { type = "monte_carlo_elbo", draws = 3 }, "full_trajectory"])") ==
        Names{"monte_carlo_elbo draws=4, seed 42", "monte_carlo_elbo draws=3, seed 42",
              "full_trajectory, seed 42"});
  CHECK(cell_names(
            R"("tuned.forward_process" = ["masked", { type = "masked", schedule = "cosine" }])") ==
        Names{"masked schedule=linear, seed 42", "masked schedule=cosine, seed 42"});
  // A key that one of two tables leaves out; of a table that all stages take, whose defaults differ
  // from stage to stage, it stays out.
  CHECK(cell_names(R"("tuned.score_estimator" = [{ type = "monte_carlo_elbo", count = "bernoulli" },
    { type = "monte_carlo_elbo", draws = 3, count = "bernoulli" }])") ==
        Names{"monte_carlo_elbo draws=4, seed 42", "monte_carlo_elbo draws=3, seed 42"});
  CHECK(
      cell_names(
          R"("score_estimator" = ["monte_carlo_elbo", { type = "monte_carlo_elbo", draws = 3 }])") ==
      Names{"monte_carlo_elbo, seed 42", "monte_carlo_elbo draws=3, seed 42"});
  // Names alone are names.
  CHECK(cell_names(R"("tuned.score_estimator" = ["monte_carlo_elbo", "full_trajectory"])") ==
        Names{"score_estimator=monte_carlo_elbo, seed 42",
              "score_estimator=full_trajectory, seed 42"});
}

TEST_CASE("Axis labels: a name beside tables of other runs is a type", "[experiment]") {
  const Json name = {{"a.score_estimator", "segmented"}},
             table = {{"a.score_estimator", {{"type", "segmented"}, {"segments", 2}}}};
  const AxisLabels labels(Json{{"rows", {{{"axes", name}}, {{"axes", table}}}}});
  CHECK(labels.of(name) == ", segmented");
  CHECK(labels.of(table) == ", segmented segments=2");
}
