// SPDX-License-Identifier: MIT
// Work begun with another memory budget or recomputation is found again: experiment/begun_work.hpp.
#include <nlohmann/json.hpp>

#include "experiment/begun_work.hpp"
#include "experiment/budget_range.hpp"
#include "experiment/settled_steps.hpp"
#include "lldm/builtin/builtin.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/load_experiment.hpp"
#include "lldm/storage/sha256.hpp"
#include "run/stored_work.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;

namespace {

constexpr const char* kFile = R"(
name = "two"
threads = 1
[[stage]]
name = "sft"
kind = "sft"
data = { file = "rows.jsonl" }
optimizer = { steps = 2 }
[[stage]]
name = "tuned"
kind = "preference"
from = "sft"
data = { file = "pairs.jsonl" }
optimizer = { steps = 2 }
)";
constexpr const char* kScores = R"(
[[stage]]
name = "scores"
kind = "evaluate"
models = ["tuned"]
pairs = { file = "pairs.jsonl" }
)";

struct Folder {
  testing::TemporaryFolder folder;
  Registry registry;
  Folder() { register_builtin_components(registry); }

  /// `more`: keys of the preference stage; `tables`: of the file.
  [[nodiscard]] RunSchedule schedule(const std::string& budget, const std::string& more = "",
                                     const std::string& tables = "") {
    const std::string memory = budget.empty() ? "" : "\n[memory]\nbudget = \"" + budget + "\"\n";
    testing::write_file(folder / "e.toml", kFile + more + kScores + memory + tables);
    const LoadedExperiment loaded = load_experiment(folder / "e.toml", {}, registry);
    return make_schedule(loaded.cells, loaded.experiments, folder / "out");
  }
  /// As a run leaves the work behind, with what its plan settled.
  static void begin(const RunSchedule& schedule, std::size_t w, const BudgetRange& budgets) {
    std::filesystem::create_directories(schedule.work[w].folder);
    write_work_record(schedule, schedule.work[w]);
    testing::write_file(
        schedule.work[w].folder / kStepPlanName,
        nlohmann::ordered_json{{"gradient_path", "retain"}, {"same_budgets", to_json(budgets)}}
            .dump());
  }
};

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

std::vector<std::string> hashes_of(const RunSchedule& schedule) {
  std::vector<std::string> hashes;
  for (const Work& work : schedule.work) hashes.push_back(work.hash);
  return hashes;
}

}  // namespace

TEST_CASE("BegunWork: a budget that leads to the same steps finds the work again",
          "[experiment][memory]") {
  Folder folder;
  const RunSchedule first = folder.schedule("8 GiB");
  REQUIRE(first.work.size() == 3);
  const std::vector<std::string> hashes = hashes_of(first);
  CHECK(hashes_of(folder.schedule("9 GiB")) != hashes);  // nothing was begun yet
  Folder::begin(first, 0, {1, BudgetRange::kNoEnd, true});
  Folder::begin(first, 1, {6 * kGiB, 10 * kGiB, false});
  CHECK(hashes_of(folder.schedule("8 GiB")) == hashes);
  // The same steps: what reads them is the same work too, and lies where it lay.
  for (const char* budget : {"9 GiB", "6 GiB"}) {
    const RunSchedule again = folder.schedule(budget);
    CHECK(hashes_of(again) == hashes);
    CHECK(again.work[1].folder == first.work[1].folder);
  }
  // Other steps: sft alone, whose steps are those of any budget, is the same.
  for (const char* budget : {"5 GiB", "10 GiB", ""}) {
    const std::vector<std::string> other = hashes_of(folder.schedule(budget));
    CHECK(other[0] == hashes[0]);
    CHECK(other[1] != hashes[1]);
    CHECK(other[2] != hashes[2]);
  }
}

TEST_CASE(
    "BegunWork: work without a budget keeps its hash, and is found by one that changes nothing",
    "[experiment][memory]") {
  Folder folder;
  const RunSchedule first = folder.schedule("");
  const std::vector<std::string> hashes = hashes_of(first);
  Folder::begin(first, 0, {1, BudgetRange::kNoEnd, true});
  Folder::begin(first, 1, {4 * kGiB, BudgetRange::kNoEnd, true});
  CHECK(hashes_of(folder.schedule("")) == hashes);
  CHECK(hashes_of(folder.schedule("4 GiB")) == hashes);
  CHECK(hashes_of(folder.schedule("3 GiB"))[1] != hashes[1]);
}

TEST_CASE("BegunWork: a finished copy is taken, and what read another one is found beside it",
          "[experiment][adapter]") {
  const std::string lora = "\n[model]\nadapter = { type = \"lora\", rank = 4 }\n";
  Folder folder;
  const RunSchedule now = folder.schedule("", "", lora);
  // As folders of before have it: copies of the base under hashes that held other adapters.
  const auto begin = [&](const Work& work, const std::string& hash, const std::string& base,
                         bool is_done) {
    InputFiles files;
    auto record = work_record(now, work, files);
    record["hash"] = hash;
    if (record["settings"].contains("model.adapter.rank"))
      record["settings"]["model.adapter.rank"] =
          base == "" ? "9" : record["settings"]["model.adapter.rank"].get<std::string>();
    for (auto& [name, input] : record["inputs"].items()) input = base;
    const auto place = folder.folder / "out" / hash;
    std::filesystem::create_directories(place);
    testing::write_file(place / kWorkName, record.dump());
    if (is_done) testing::write_file(place / kResultName, "{}");
  };
  begin(now.work[0], "aaaa", "", false);
  begin(now.work[0], "bbbb", "", true);
  begin(now.work[0], "cccc", "", true);
  begin(now.work[1], "dddd", "cccc", true);
  const auto hashes = hashes_of(folder.schedule("", "", lora));
  CHECK(hashes[0] == "bbbb");
  CHECK(hashes[1] == "dddd");
}

TEST_CASE("BegunWork: other settings or another seed are other work", "[experiment][memory]") {
  Folder folder;
  const RunSchedule first = folder.schedule("8 GiB");
  for (const std::size_t w : {0, 1}) Folder::begin(first, w, {1, BudgetRange::kNoEnd, true});
  const RunSchedule other = folder.schedule("9 GiB", "objective = { type = \"ipo\" }\n");
  CHECK(hashes_of(other)[0] == hashes_of(first)[0]);
  CHECK(hashes_of(other)[2] != hashes_of(first)[2]);
  testing::write_file(first.work[0].folder / kStepPlanName, "{\"same_bud");
  CHECK(hashes_of(folder.schedule("9 GiB"))[0] != hashes_of(first)[0]);  // no plan that can be read
}

TEST_CASE("BegunWork: another recomputation, which changes no bit, finds the work again",
          "[experiment][memory]") {
  const std::string full = "\n[model]\nrecomputation = \"full\"\n";
  for (const char* budget : {"8 GiB", ""}) {
    Folder folder;
    const RunSchedule first = folder.schedule(budget);
    const std::vector<std::string> hashes = hashes_of(first);
    CHECK(hashes_of(folder.schedule(budget, "", full)) != hashes);  // nothing was begun yet
    for (const std::size_t w : {0, 1}) Folder::begin(first, w, {1, BudgetRange::kNoEnd, true});
    std::filesystem::create_directories(first.work[2].folder);
    write_work_record(first, first.work[2]);  // of a stage that trains nothing
    CHECK(hashes_of(folder.schedule(budget, "", full)) == hashes);
    // Not where an axis compares them: each is a run.
    const auto axis = std::string(
        "\n[grid]\naxes = { \"model.recomputation\" = [\"none\", \"selective\", \"full\"] }\n");
    const RunSchedule grid = folder.schedule(budget, "", axis);
    REQUIRE(grid.work.size() == 9);
    CHECK(std::ranges::count(hashes_of(grid), hashes[0]) == 1);
  }
}

TEST_CASE(
    "BegunWork: another recomputation with another budget is held to the budgets that lead "
    "to the same steps",
    "[experiment][memory]") {
  const std::string full = "\n[model]\nrecomputation = \"full\"\n";
  Folder folder;
  const RunSchedule first = folder.schedule("8 GiB");
  Folder::begin(first, 0, {6 * kGiB, 10 * kGiB, false});
  CHECK(hashes_of(folder.schedule("9 GiB", "", full))[0] == hashes_of(first)[0]);
  CHECK(hashes_of(folder.schedule("10 GiB", "", full))[0] != hashes_of(first)[0]);
}

TEST_CASE("Work: an adapter is in the hash of what it is trained in, and of what reads that",
          "[experiment][adapter]") {
  const auto lora = [](int rank) {
    return message("\n[model]\nadapter = { type = \"lora\", rank = ", rank, " }\n");
  };
  Folder folder;
  const std::vector<std::string> none = hashes_of(folder.schedule("")),
                                 four = hashes_of(folder.schedule("", "", lora(4))),
                                 eight = hashes_of(folder.schedule("", "", lora(8)));
  CHECK(four[0] == none[0]);  // fresh weights are trained whole
  CHECK(eight[0] == none[0]);
  for (const std::size_t w : {1, 2}) {
    CHECK(four[w] != none[w]);
    CHECK(four[w] != eight[w]);
  }
  // A grid over ranks trains its base once.
  const RunSchedule grid =
      folder.schedule("", "", lora(4) + "[grid]\naxes = { \"model.adapter.rank\" = [4, 8, 16] }\n");
  REQUIRE(grid.work.size() == 1 + 3 + 3);
  CHECK(grid.work[0].cells.size() == 3);
  // Weights of a folder take one.
  const std::string path = "path = \"base\"\n";
  CHECK(hashes_of(folder.schedule("", "", lora(4) + path))[0] !=
        hashes_of(folder.schedule("", "", lora(8) + path))[0]);
}

TEST_CASE("BegunWork: folders whose hashes held an adapter that was not taken are gone on with",
          "[experiment][adapter]") {
  const auto lora = [](int rank) {
    return message("\n[model]\nadapter = { type = \"lora\", rank = ", rank, " }\n");
  };
  Folder folder;
  // As such a folder has it: of ranks 4 and 8, each with a base of its own.
  std::vector<std::vector<std::string>> former;
  for (const int rank : {4, 8}) {
    const RunSchedule now = folder.schedule("", "", lora(rank));
    std::vector<std::string>& hashes = former.emplace_back();
    for (std::size_t w = 0; w < 3; ++w) {
      InputFiles files;
      auto record = work_record(now, now.work[w], files);
      WorkSettings settings{record.at("settings").get<std::map<std::string, std::string>>(), {}};
      settings.values["model.adapter.type"] = "\"lora\"";
      settings.values["model.adapter.rank"] = std::to_string(rank);
      settings.values["model.adapter.publish"] = "\"adapter\"";
      std::map<std::string, std::string> inputs;
      for (const auto& [name, input] : now.work[w].inputs) inputs[name] = hashes[input];
      Sha256 hash;
      const std::string text = identity_text(settings, now.work[w].seed, inputs);
      hash.update(text.data(), text.size());
      hashes.push_back(hash.hex());
      record["hash"] = hashes.back();
      record["settings"] = settings.values;
      record["inputs"] = inputs;
      const auto place = folder.folder / "out" / message("r", rank) / now.work[w].stage;
      std::filesystem::create_directories(place);
      testing::write_file(place / kWorkName, record.dump());
    }
  }
  // What reads one copy of the base is known beside another one.
  const auto grid =
      folder.schedule("", "", lora(4) + "[grid]\naxes = { \"model.adapter.rank\" = [4, 8, 16] }\n");
  for (const auto& hashes : former)
    for (const std::size_t w : {1, 2}) CHECK(std::ranges::count(hashes_of(grid), hashes[w]) == 1);
  // Each goes on with its own.
  CHECK(hashes_of(folder.schedule("", "", lora(4))) == former[0]);
  CHECK(hashes_of(folder.schedule("", "", lora(8))) == former[1]);
  // A third rank, and none at all, begin with a base that is there.
  for (const std::string& other : {lora(16), std::string()}) {
    const std::vector<std::string> third = hashes_of(folder.schedule("", "", other));
    CHECK((third[0] == former[0][0] || third[0] == former[1][0]));
    for (const auto& hashes : former) CHECK(third[1] != hashes[1]);
  }
}
