// SPDX-License-Identifier: MIT
// A report holds what it is of against the files that lie in the run's folder.
#include "report/folder_checks.hpp"

#include "experiment/work_seal.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;
using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

namespace {

/// A run of a stage that made pairs and of one that measured a model.
struct Run {
  testing::TemporaryFolder folder;
  Run() {
    for (const auto& [stage, file] :
         {std::pair("made", "pairs.jsonl"), std::pair("ev", "items.jsonl")}) {
      fs::create_directories(folder / stage);
      testing::write_file(folder / stage / file, "{\"id\":1}\n{\"id\":2}\n");
      testing::write_file(folder / stage / "metrics.jsonl", "{}\n");
      seal_work(folder / stage, "{}\n");
    }
    testing::write_file(folder / "metrics.jsonl", "");
    const Json row = {{"axes", Json::object()},
                      {"seed", 1},
                      {"stage", "sft"},
                      {"role", "start"},
                      {"starts_from", ""},
                      {"evaluated_by", "ev"},
                      {"hash", "e"},
                      {"metrics", {{"accuracy", 0.5}}},
                      {"items", "ev/items.jsonl"}};
    const auto work = [](const char* stage) {
      return Json{{"stage", stage}, {"axes", Json::object()}, {"hash", stage}, {"folder", stage}};
    };
    testing::write_file(folder / "report.json", Json{{"name", "n"},
                                                     {"description", ""},
                                                     {"is_whole", true},
                                                     {"rows", {row}},
                                                     {"training", {row}},
                                                     {"work", {work("made"), work("ev")}}}
                                                    .dump());
  }
  [[nodiscard]] std::string notes() const {
    std::string text;
    for (const std::string& note : read_runs({folder.path()}).notes) text += note + "\n";
    return text;
  }
};

}  // namespace

TEST_CASE("Report: damage of finished work is named", "[report]") {
  CHECK(Run().notes().empty());
  for (const char* file : {"made/result.json", "made/pairs.jsonl", "ev/items.jsonl",
                           "made/MANIFEST.json", "ev/metrics.jsonl"}) {
    INFO(file);
    const Run run;
    testing::write_file(run.folder / file, "{\"id\":3}\n{\"id\":4}\n");
    CHECK_THROWS_WITH(run.notes(), contains(fs::path(file).filename().string()));
    CHECK_THROWS_AS(run.notes(), DataError);
  }
  const Run run;
  fs::remove(run.folder / "made/pairs.jsonl");
  CHECK_THROWS_WITH(run.notes(),
                    contains("pairs.jsonl: missing") && contains("to do this work again, remove"));
}

TEST_CASE("Report: what it can do without, and is gone, is noted", "[report]") {
  const Run run;
  fs::remove(run.folder / "ev/items.jsonl");
  fs::remove(run.folder / "ev/metrics.jsonl");
  fs::remove(run.folder / "metrics.jsonl");
  fs::remove(run.folder / "made/MANIFEST.json");
  CHECK_THAT(run.notes(), contains("items.jsonl is not there of sft (ev, seed 1)"));
  CHECK_THAT(run.notes(), contains("metrics.jsonl is not there: no learning curve"));
  CHECK_THAT(run.notes(), contains("MANIFEST.json is missing in made:"));
  // Work of a report over several runs lies elsewhere.
  fs::remove_all(run.folder / "made");
  fs::remove_all(run.folder / "ev");
  CHECK_THAT(run.notes(), !contains("metrics.jsonl"));
}
