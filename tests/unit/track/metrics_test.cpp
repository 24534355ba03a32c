// SPDX-License-Identifier: MIT
#include "lldm/track/metrics.hpp"

#include <cmath>
#include <fstream>
#include <limits>

#include "lldm/text/utf8.hpp"
#include "support/catch.hpp"
#include "support/fault_files.hpp"
#include "support/temporary_folder.hpp"

using lldm::MetricsLine;
using lldm::MetricsWriter;
using lldm::testing::FaultFs;
using lldm::testing::TemporaryFolder;

namespace {

const double kNaN = std::numeric_limits<double>::quiet_NaN();
const double kInfinity = std::numeric_limits<double>::infinity();

lldm::WallClock fixed_clock() {
  return [] { return 1700000000.2504; };
}

std::vector<std::pair<std::string, std::int64_t>> steps_of(const std::filesystem::path& path) {
  std::vector<std::pair<std::string, std::int64_t>> steps;
  for (const auto& line : lldm::read_metrics(path)) steps.emplace_back(line.stage, line.step);
  return steps;
}

}  // namespace

TEST_CASE("MetricsWriter writes one flat line per call, at once", "[track][metrics]") {
  TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  MetricsWriter writer(path, lldm::real_file_ops(), fixed_clock());
  writer.log("sft", 0, {{"train/loss", 1.5}, {"train/tokens", 12345678}});
  CHECK(lldm::read_file(path) ==
        "{\"stage\":\"sft\",\"step\":0,\"wall_time\":1700000000.25,\"train/loss\":1.5,\"train/"
        "tokens\":12345678}\n");
  writer.log("sft", 0, {{"eval/loss", 0.1}});
  writer.log("sft", 10,
             {{"a", kNaN}, {"b", kInfinity}, {"c", -kInfinity}, {"d", 1e-300}, {"e", -0.0}});
  const auto text = lldm::read_file(path);
  CHECK(
      text.substr(text.rfind('{')) ==
      "{\"stage\":\"sft\",\"step\":10,\"wall_time\":1700000000.25,\"a\":\"NaN\",\"b\":\"Infinity\","
      "\"c\":\"-Infinity\",\"d\":1e-300,\"e\":-0.0}\n");
}

TEST_CASE("MetricsReader reads back every bit of every number", "[track][metrics]") {
  TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  const MetricsLine first{
      "a \"stage\" \xc3\xa9",
      7,
      1700000000.25,
      {{"x/y", 0.1}, {"big", 1.7976931348623157e308}, {"tiny", 5e-324}, {"zero", -0.0}}};
  {
    MetricsWriter writer(path, lldm::real_file_ops(), fixed_clock());
    writer.log(first.stage, first.step, first.values);
    writer.log("b", 1, {{"nan", kNaN}, {"inf", -kInfinity}});
  }
  const auto lines = lldm::read_metrics(path);
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == first);
  CHECK(std::signbit(lines[0].values.back().second));
  CHECK(std::isnan(lines[1].values[0].second));
  CHECK(lines[1].values[1].second == -kInfinity);
}

// promise 19
TEST_CASE("MetricsWriter refuses repeated and returning steps, also after reopening",
          "[track][metrics]") {
  TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  for (const bool is_reopened : {false, true}) {
    MetricsWriter writer(path);
    if (!is_reopened) {
      writer.log("sft", 5, {{"train/loss", 1}});
      writer.log("dpo", 1, {{"train/loss", 1}});
    }
    const auto size = std::filesystem::file_size(path);
    CHECK_THROWS_WITH(writer.log("sft", 4, {{"train/loss", 1}}),
                      path.string() +
                          ": stage \"sft\" logs step 4 after step 5\n"
                          "  a resumed stage calls truncate_after first");
    CHECK_THROWS_WITH(writer.log("sft", 5, {{"train/loss", 1}}),
                      path.string() + ": stage \"sft\" logs \"train/loss\" twice at step 5");
    CHECK_THROWS_AS(writer.log("new", -1, {{"train/loss", 1}}), lldm::Error);
    CHECK(std::filesystem::file_size(path) == size);
  }
}

TEST_CASE("MetricsWriter refuses names that would break the file", "[track][metrics]") {
  TemporaryFolder folder;
  MetricsWriter writer(folder / "metrics.jsonl");
  for (const char* name :
       {"", "step", "stage", "wall_time", "/loss", "train/", "a//b", "a\nb", "\xff"})
    CHECK_THROWS_AS(writer.log("sft", 1, {{name, 1}}), lldm::Error);
  CHECK_THROWS_WITH(writer.log("sft", 1, {{"a", 1}, {"a", 2}}),
                    "metric \"a\" is given twice in one line");
  CHECK_THROWS_AS(writer.log("\xff", 1, {{"a", 1}}), lldm::Error);
  CHECK(std::filesystem::file_size(folder / "metrics.jsonl") == 0);
}

TEST_CASE("truncate_after takes back one stage's later steps and lets it log them again",
          "[track][metrics]") {
  TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  MetricsWriter writer(path);
  for (const int step : {1, 2, 3, 4}) writer.log("sft", step, {{"train/loss", step}});
  writer.log("dpo", 9, {{"train/loss", 1}});
  const auto before = lldm::read_file(path);
  CHECK(writer.truncate_after("sft", 4) == 0);
  CHECK(lldm::read_file(path) == before);
  CHECK(writer.truncate_after("sft", 2) == 2);
  writer.log("sft", 3, {{"train/loss", 3}});
  writer.log("dpo", 10, {{"train/loss", 1}});
  CHECK(steps_of(path) == std::vector<std::pair<std::string, std::int64_t>>{
                              {"sft", 1}, {"sft", 2}, {"dpo", 9}, {"sft", 3}, {"dpo", 10}});
  CHECK(writer.truncate_after("sft", -1) == 3);
  CHECK(steps_of(path).size() == 2);
}

TEST_CASE("A line torn by a kill is removed when the file is opened, and told",
          "[track][metrics]") {
  TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  {
    MetricsWriter writer(path);
    writer.log("sft", 1, {{"train/loss", 1}});
    writer.log("sft", 2, {{"train/loss", 2}});
    CHECK_FALSE(writer.removed_torn_line());
  }
  const auto whole = lldm::read_file(path);
  const auto first_line = whole.substr(0, whole.find('\n') + 1);
  for (auto size = first_line.size() + 1; size < whole.size(); ++size) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, size);
    CHECK(lldm::read_metrics(path).size() == 1);
    MetricsWriter writer(path);
    CHECK(writer.removed_torn_line());
    REQUIRE(lldm::read_file(path) == first_line);
    writer.log("sft", 2, {{"train/loss", 2}});
  }
}

// promise 19
TEST_CASE("A kill between log and save leaves no duplicate, missing or out-of-order step",
          "[track][metrics]") {
  for (int k = 1;; ++k) {
    TemporaryFolder folder;
    const auto root = folder / "run";
    std::filesystem::create_directory(root);
    const auto path = root / "metrics.jsonl";
    FaultFs ops(root);
    ops.crash_at(k);
    int saved = 0;  // the step of the last "checkpoint"
    bool is_done = false;
    try {
      MetricsWriter writer(path, ops);
      for (int step = 1; step <= 6; ++step) {
        writer.log("sft", step, {{"train/loss", step}});
        if (step % 2 == 0) writer.sync(), saved = step;
      }
      is_done = true;
    } catch (const lldm::testing::PowerLoss&) {
    }
    ops.lose_unsynced(FaultFs::Bytes::half, FaultFs::Names::undone);
    MetricsWriter resumed(path);
    resumed.truncate_after("sft", saved);
    for (int step = saved + 1; step <= 6; ++step) resumed.log("sft", step, {{"train/loss", step}});
    const auto lines = lldm::read_metrics(path);
    INFO("operation " << k);
    REQUIRE(lines.size() == 6);
    for (int i = 0; i < 6; ++i) CHECK(lines[static_cast<std::size_t>(i)].step == i + 1);
    if (is_done) break;
  }
}

// promise 19
TEST_CASE("A loss of power while lines are taken back leaves the old file or the new",
          "[track][metrics]") {
  for (int k = 1;; ++k) {
    TemporaryFolder folder;
    const auto root = folder / "run";
    std::filesystem::create_directory(root);
    const auto path = root / "metrics.jsonl";
    {
      MetricsWriter writer(path);
      for (int step = 1; step <= 4; ++step) writer.log("sft", step, {{"train/loss", step}});
    }
    FaultFs ops(root);
    ops.crash_at(k);
    bool is_done = false;
    try {
      MetricsWriter(path, ops).truncate_after("sft", 2);
      is_done = true;
    } catch (const lldm::testing::PowerLoss&) {
    }
    ops.lose_unsynced(FaultFs::Bytes::all, FaultFs::Names::kept);
    const auto count = lldm::read_metrics(path).size();
    CHECK((count == 2 || (count == 4 && !is_done)));
    if (is_done) break;
  }
}

TEST_CASE("A line that lldm did not write is refused with file and line", "[track][metrics]") {
  TemporaryFolder folder;
  const auto path = folder / "metrics.jsonl";
  for (const char* bad : {"", "[]", "{\"stage\":\"a\",\"step\":1}",
                          "{\"stage\":\"a\",\"step\":1,\"wall_time\":1,\"x\":\"huge\"}",
                          "{\"stage\":\"a\",\"step\":1,\"wall_time\":1,\"x\":null}"}) {
    std::ofstream(path) << "{\"stage\":\"a\",\"step\":1,\"wall_time\":1}\n" << bad << "\n";
    CHECK_THROWS_WITH(
        lldm::read_metrics(path),
        path.string() + ":2: not a line of metrics.jsonl\n  " + lldm::excerpt(bad, 0) +
            "\n  a line is like {\"stage\":\"sft\",\"step\":1,\"wall_time\":0.5,\"train/loss\":1}");
    CHECK_THROWS_AS(MetricsWriter(path), lldm::DataError);
  }
  CHECK_THROWS_AS(lldm::read_metrics(folder / "none"), lldm::FileError);
}
