// SPDX-License-Identifier: MIT
// golden/checkers: answers judged by the original checkers.  gsm8k is covered; the folder's other
// files are listed as not covered yet.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lldm/eval/gsm8k.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "support/gzip.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using nlohmann::json;

namespace {

std::filesystem::path folder() { return testing::golden_root() / "checkers"; }

// A task that reads one problem, so that `check` is tested as a run uses it.
Gsm8k make_task(Gsm8kFilter filter, const std::filesystem::path& path) {
  Gsm8k::Options options;
  options.path = path.string(), options.filter = filter;
  return Gsm8k(options);
}

}  // namespace

TEST_CASE("The gsm8k filters are those of the recorded settings", "[golden][eval]") {
  const auto settings = json::parse(std::ifstream(folder() / "gsm8k_patterns.json"));
  CHECK(settings["filters"]["strict-match"][0]["regex_pattern"] == "#### (\\-?[0-9\\.\\,]+)");
  CHECK(settings["filters"]["flexible-extract"][0]["regex_pattern"] ==
        "(-?[$0-9.,]{2,})|(-?[0-9]+)");
  CHECK(settings["filters"]["flexible-extract"][0]["group_select"] == -1);
  CHECK(settings["metric"]["regexes_to_ignore"] == json({",", "\\$", "(?s).*#### ", "\\.$"}));
  CHECK(settings["metric"]["ignore_case"] == true);
  CHECK(settings["metric"]["ignore_punctuation"] == false);
}

// The recorded rows are what the filters say of a text as it stands; the harness generates up to
// the first of its stop strings, so that the filters never see what lies behind: the task cuts
// there.
TEST_CASE("gsm8k outputs are read and judged as lm-evaluation-harness does", "[golden][eval]") {
  const testing::TemporaryFolder temporary;
  std::ofstream(temporary / "one.jsonl") << R"({"question":"q","answer":"#### 1"})";
  const Gsm8k strict = make_task(Gsm8kFilter::strict, temporary / "one.jsonl");
  const Gsm8k flexible = make_task(Gsm8kFilter::flexible, temporary / "one.jsonl");
  std::istringstream rows(testing::read_gzip(folder() / "gsm8k.jsonl.gz"));
  std::size_t num_rows = 0, num_correct = 0, num_cut = 0;
  for (std::string line; std::getline(rows, line); ++num_rows) {
    const auto row = json::parse(line);
    const auto output = row.at("output").get<std::string>();
    const Example example{"", "", row.at("reference").get<std::string>()};
    INFO("row " << row.at("id") << ": " << output);
    const std::string until(gsm8k_until(output));
    num_cut += until != output;
    for (const auto* task : {&strict, &flexible}) {
      const auto filter = task == &strict ? Gsm8kFilter::strict : Gsm8kFilter::flexible;
      const auto& wanted = row.at(task == &strict ? "strict-match" : "flexible-extract");
      const std::string extracted = gsm8k_extract(filter, output);
      const bool is_match = gsm8k_matches(extracted, example.answer);
      CHECK(extracted == wanted.at("extracted").get<std::string>());
      CHECK((is_match ? 1.0 : 0.0) == wanted.at("exact_match").get<double>());
      const auto verdict = task->check(example, output);
      const std::string graded = gsm8k_extract(filter, until);
      CHECK(verdict.extracted == graded);
      CHECK(verdict.is_correct == gsm8k_matches(graded, example.answer));
      CHECK(verdict.grade == (verdict.is_correct ? 1.0 : 0.0));
      CHECK(verdict.metrics.at("strict_match") ==
            strict.check(example, output).metrics.at("strict_match"));
      if (until == output) {
        CHECK(verdict.metrics.at("strict_match") ==
              row["strict-match"]["exact_match"].get<double>());
        CHECK(verdict.metrics.at("flexible_extract") ==
              row["flexible-extract"]["exact_match"].get<double>());
      }
      num_correct += verdict.is_correct;
    }
  }
  const auto manifest = json::parse(std::ifstream(testing::golden_root() / "manifest_texts.json"));
  CHECK(num_rows == manifest.at("rows").at("checkers/gsm8k.jsonl.gz").get<std::size_t>());
  CHECK(num_correct > 0);
  CHECK(num_correct < 2 * num_rows);
  std::cout << "golden checkers/gsm8k.jsonl.gz: " << num_rows << " outputs, two filters each; "
            << num_cut << " of them hold a stop string\n";
}

TEST_CASE("The files of golden/checkers that no test reads yet are listed", "[golden][eval]") {
  REQUIRE(std::filesystem::is_directory(folder()));
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    const auto name = entry.path().filename().string();
    if (name != "gsm8k.jsonl.gz" && name != "gsm8k_patterns.json")
      std::cout << "golden checkers/" << name << ": not covered yet\n";
  }
}
