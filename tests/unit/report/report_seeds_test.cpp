// SPDX-License-Identifier: MIT
// Seeds whose settings differ, so that they are not averaged, and work that failed: each is told
// from the others wherever it is shown.
#include <fstream>

#include "lldm/errors.hpp"
#include "lldm/report/report.hpp"
#include "lldm/storage/files.hpp"
#include "report/plot_sink.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using Json = nlohmann::ordered_json;

namespace {

std::size_t count_of(const std::string& text, const std::string& what) {
  std::size_t count = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}

/// A grid of two betas and two seeds of a model; of seeds with a vocabulary each the settings
/// differ.
struct Grid {
  testing::TemporaryFolder folder;
  Json rows = Json::array(), work = Json::array(), failed = Json::array();
  std::string logged;

  explicit Grid(bool has_vocabularies) {
    for (const std::int64_t seed : {1, 2})
      for (const double beta : {0.1, 0.3}) {
        const Json axes = {{"tuned.objective.beta", beta}};
        const std::string hash = message("m", rows.size());
        rows.push_back(
            {{"axes", axes},
             {"seed", seed},
             {"stage", "tuned"},
             {"role", "preference"},
             {"starts_from", ""},
             {"evaluated_by", "ev"},
             {"estimator", "segmented"},
             {"hash", "e" + hash},
             {"model_hash", hash},
             {"settings", message(beta, has_vocabularies ? seed : 0)},
             {"metrics",
              {{"accuracy", 0.5}, {"items", 8}, {"score_sd", 1.0}, {"training_seconds", 2.0}}}});
        work.push_back(
            {{"stage", "tuned"}, {"axes", axes}, {"seed", seed}, {"hash", hash}, {"folder", hash}});
        logged +=
            Json{{"stage", hash}, {"step", 1}, {"wall_time", 1.0}, {"train/rewards/margins", 0.5}}
                .dump() +
            "\n";
      }
  }

  [[nodiscard]] std::string text(const std::string& file) const {
    std::ofstream(folder / "metrics.jsonl") << logged;
    std::ofstream(folder / "report.json")
        << Json{{"name", "n"},  {"description", ""}, {"is_whole", true},
                {"rows", rows}, {"work", work},      {"failed", failed}}
               .dump();
    merge_reports({folder.path()}, folder / "out");
    return read_file(folder / "out" / file);
  }
};

}  // namespace

TEST_CASE("Report: seeds that are not averaged are lines that name their seed",
          "[experiment][report]") {
  const Grid apart(true);
  const std::string page = apart.text("report.md"), costs = apart.text("costs.md");
  for (const char* beta : {"0.1", "0.3"})
    for (const int seed : {1, 2}) {
      const std::string label = message("tuned, beta=", beta, ", seed=", seed);
      INFO(label);
      CHECK(count_of(page, "\n| " + label + " ") == 2);  // Results, and Score estimators: noise
      CHECK(count_of(costs, "\n| " + label + " ") == 1);
      CHECK_THAT(apart.text("accuracy.svg"), testing::contains("seed=" + std::to_string(seed)));
      CHECK_THAT(apart.text("preference_margin.svg"), testing::contains(label));
    }
  CHECK_THAT(page, testing::contains("vocabulary that is made of each seed's own words"));
  CHECK_THAT(page, testing::contains("from = \"STAGE\""));
  // Over an axis one line a seed: two places each, none joined to the other seed's.
  const std::string curve = apart.text("accuracy_over_beta.svg");
  CHECK_THAT(curve, testing::contains(">seed=1<"));
  CHECK_THAT(curve, testing::contains(">seed=2<"));
  CHECK_THAT(curve, testing::contains("n: 1 seed each (1, 2), 8 items each"));
  // Of equal settings they are seeds of one line, which names none.
  const Grid alike(false);
  CHECK(count_of(alike.text("report.md"), "\n| tuned, beta=0.1 ") == 2);
  CHECK_THAT(alike.text("report.md"), !testing::contains("seed="));
  CHECK_THAT(alike.text("report.md"), !testing::contains("STAGE"));
  CHECK_THAT(alike.text("accuracy_over_beta.svg"), testing::contains("n: 2 seeds (1, 2)"));
}

TEST_CASE("Report: a caption says how many seeds a line has", "[experiment][report]") {
  CHECK(seeds_text({1}, {1}) == "n: 1 seed (1)");
  CHECK(seeds_text({1}, {1, 2}) == "n: 1 seed each (1, 2)");
  CHECK(seeds_text({2}, {1, 2}) == "n: 2 seeds (1, 2)");
  CHECK(seeds_text({1, 2}, {1, 2}) == "n: 1 to 2 seeds (1, 2)");
  CHECK(seeds_text({1, 2}, {1, 2, 3}) == "n: 1 to 2 seeds each (1, 2, 3)");
}

TEST_CASE("Report: failed work has its axes, which count for the other lines' labels",
          "[experiment][report]") {
  Grid grid(false);
  grid.rows.erase(3), grid.rows.erase(1);  // those of beta 0.3
  grid.work.erase(3), grid.work.erase(1);
  for (const std::int64_t seed : {1, 2})
    grid.failed.push_back({{"stage", "tuned"},
                           {"model", ""},
                           {"axes", {{"tuned.objective.beta", 0.3}}},
                           {"seed", seed},
                           {"error", "the loss is nan"}});
  const std::string page = grid.text("report.md");
  CHECK(count_of(page, "\n| tuned, beta=0.3 ") == 2);
  CHECK(count_of(page, "\n| tuned, beta=0.1 ") == 2);
  CHECK_THAT(grid.text("preference_margin.svg"), testing::contains("tuned, beta=0.1"));
  // An evaluation that failed names the model, and does not make others say what measured them.
  grid.failed = {{{"stage", "ev"},
                  {"model", "tuned"},
                  {"axes", {{"tuned.objective.beta", 0.3}}},
                  {"seed", 2},
                  {"error", "no answers"}}};
  CHECK_THAT(grid.text("report.md"), testing::contains("\n| ev of tuned, beta=0.3 |"));
  CHECK(count_of(grid.text("report.md"), "\n| tuned, beta=0.1 ") == 2);
}
