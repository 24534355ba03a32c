// SPDX-License-Identifier: MIT
#include "experiment/work_seal.hpp"

#include "lldm/errors.hpp"
#include "lldm/storage/published_folder.hpp"
#include "lldm/track/metrics.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using testing::contains;

namespace {

constexpr const char* kMetrics =
    "{\"stage\":\"sft\",\"step\":1,\"wall_time\":1,\"train/loss\":2}\n"
    "{\"stage\":\"pairs\",\"step\":1,\"wall_time\":1,\"train/loss\":2}\n"
    "{\"stage\":\"sft\",\"step\":2,\"wall_time\":1,\"train/loss\":1}\n";

struct Finished {
  testing::TemporaryFolder out;
  Work work;
  Finished() {
    work.hash = "abc";
    work.folder = out / "sft";
    std::filesystem::create_directories(work.folder);
    testing::write_file(work.folder / "pairs.jsonl", "{\"a\":1}\n{\"a\":2}\n");
    testing::write_file(out / kMetricsName, kMetrics);
    keep_metrics(out / kMetricsName, "sft", work.folder);
    seal_work(work.folder, "{\"hash\":\"abc\"}\n");
  }
};

}  // namespace

TEST_CASE("Finished work: result.json is believed only as it was written", "[experiment]") {
  const Finished finished;
  CHECK(is_done(finished.work));
  CHECK_NOTHROW(require_whole_work(finished.work, WeightCheck::sizes));
  testing::write_file(finished.work.folder / kResultName, "{\"hash\":\"abd\"}\n");
  CHECK_THROWS_WITH(is_done(finished.work), contains("result.json"));
  testing::write_file(finished.work.folder / kResultName, "{\"hash\"");
  CHECK_THROWS_AS(is_done(finished.work), DataError);
  std::filesystem::remove(finished.work.folder / "MANIFEST.json");
  CHECK_THROWS_WITH(is_done(finished.work), contains("not the JSON that lldm wrote"));
  CHECK_THROWS_WITH(require_whole_work(finished.work, WeightCheck::sizes),
                    contains("finished by an older lldm"));
  unseal_work(finished.work.folder);
  CHECK_FALSE(is_done(finished.work));
}

TEST_CASE("Finished work: weights by size at every start, by content where it is asked for",
          "[experiment]") {
  Finished finished;
  unseal_work(finished.work.folder);
  const auto weights = finished.work.folder / "model/model.safetensors";
  PublishedFolder model(finished.work.folder / "model");
  model.add("config.json", "{}");
  model.add("model.safetensors", "weights");
  model.publish();
  seal_work(finished.work.folder, "{\"hash\":\"abc\"}\n");
  CHECK_NOTHROW(require_whole_work(finished.work, WeightCheck::content));
  testing::write_file(weights, "weightz");
  CHECK_NOTHROW(require_whole_work(finished.work, WeightCheck::sizes));
  CHECK_THROWS_WITH(require_whole_work(finished.work, WeightCheck::content),
                    contains("model.safetensors: its content"));
  testing::write_file(weights, "weight");
  CHECK_THROWS_WITH(require_whole_work(finished.work, WeightCheck::sizes),
                    contains("model.safetensors: 6 bytes"));
  std::filesystem::remove(weights);
  CHECK_THROWS_WITH(require_whole_work(finished.work, WeightCheck::sizes),
                    contains("model.safetensors: missing"));
}

TEST_CASE("Finished work: rows are named", "[experiment]") {
  const Finished finished;
  const auto file = finished.work.folder / "pairs.jsonl";
  std::vector<int> seen;
  const auto read = [&] {
    seen.clear();
    each_sealed_row(file, [&](const nlohmann::ordered_json& row, std::uint64_t) {
      seen.push_back(row.at("a").get<int>());
    });
  };
  read();
  CHECK(seen == std::vector<int>{1, 2});
  testing::write_file(file, "{\"a\":1}\n{\"a\":3}\n");
  CHECK_THROWS_WITH(read(), contains("pairs.jsonl:2:"));
  CHECK_THROWS_WITH(require_whole_work(finished.work, WeightCheck::sizes),
                    contains("pairs.jsonl:2:"));
  std::filesystem::remove(finished.work.folder / "MANIFEST.json");
  testing::write_file(file, "{\"a\":1}\n{\"a\"\n");
  CHECK_THROWS_WITH(read(), contains("pairs.jsonl:2: damaged"));
  testing::write_file(file, "{\"a\":1}\n{\"b\":2}\n");
  CHECK_THROWS_WITH(read(), contains("pairs.jsonl:2: damaged"));
}

TEST_CASE("Finished work: its rows of metrics.jsonl are checked, and put back", "[experiment]") {
  const Finished finished;
  const auto file = finished.out / kMetricsName;
  std::filesystem::create_directory(finished.out / "pairs");
  const auto check = [&] { require_whole_metrics(finished.work, "sft", file, null_logger()); };
  CHECK_NOTHROW(check());
  std::string text = kMetrics;
  text[text.rfind("loss\":1") + 6] = '3';
  testing::write_file(file, text);
  CHECK_THROWS_WITH(check(), contains("metrics.jsonl:3: this row"));
  testing::write_file(file,
                      std::string(kMetrics).substr(0, 1 + std::string(kMetrics).rfind("\n{")));
  CHECK_THROWS_WITH(check(), contains("1 rows of sft are missing"));
  testing::write_file(file, std::string(kMetrics).substr(0, std::string(kMetrics).size() - 1));
  CHECK_THROWS_WITH(check(), contains("metrics.jsonl:3: this row"));  // its end is lost
  for (const auto& [name, row] : {std::pair("\"sft\",\"step\":1", ":1: this row"),
                                  std::pair("\"sft\",\"step\":2", ":3: this row")}) {
    text = kMetrics;
    text[text.find(name) + 1] = 'S';  // the row that lost its stage, not the one behind it
    testing::write_file(file, text);
    CHECK_THROWS_WITH(check(), contains("metrics.jsonl" + std::string(row)));
  }
  std::filesystem::remove(file);
  check();
  CHECK(read_metrics(file).size() == 2);
}
