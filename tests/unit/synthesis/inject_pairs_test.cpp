// SPDX-License-Identifier: MIT
#include "synthesis/inject_pairs.hpp"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <set>

#include "lldm/errors.hpp"
#include "lldm/eval/file.hpp"
#include "lldm/eval/gsm8k.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/golden.hpp"
#include "synthesis/equations.hpp"

using namespace lldm;
using synthesis::Injector;
using Json = nlohmann::json;

namespace {

std::vector<ErrorKind> all_kinds() {
  std::vector<ErrorKind> kinds;
  for (const auto& choice : choices(std::type_identity<ErrorKind>{})) kinds.push_back(choice.value);
  return kinds;
}

std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(LLDM_SOURCE_DIR) / "tests/unit/synthesis/fixtures" / name;
}

FileTask file_task(const std::string& name, const std::string& extract) {
  FileTask::Options options;
  options.file = fixture(name), options.extract = extract;
  return FileTask(options);
}

Gsm8k gsm8k(const std::filesystem::path& path) {
  Gsm8k::Options options;
  options.path = path;
  return Gsm8k(options);
}

Gsm8k gsm8k_fixture() {
  return gsm8k(std::filesystem::path(LLDM_SOURCE_DIR) /
               "tests/unit/eval/fixtures/gsm8k_train_200.jsonl");
}

struct Made {
  std::vector<std::string> lines;
  synthesis::InjectionCounts counts;
  [[nodiscard]] std::vector<Json> rows() const {
    std::vector<Json> all;
    for (const std::string& line : lines) all.push_back(Json::parse(line));
    return all;
  }
};

template <class T>
Made make(const T& task, std::vector<ErrorKind> kinds, std::vector<Example> examples,
          std::int64_t per_kind = 1, std::uint64_t seed = 1, std::int64_t cap = 0) {
  Injector injector(
      {.kinds = std::move(kinds), .per_kind = per_kind, .pairs_per_prompt = cap, .seed = seed},
      {.name = "rows.jsonl", .sha256 = "ab"},
      [&](const Example& example, const std::string& text) { return task.check(example, text); });
  Made made;
  for (const Example& example : examples)
    for (std::string& line : injector.pairs_of(example)) made.lines.push_back(std::move(line));
  made.counts = injector.counts();
  return made;
}

/// What every pair must be, by the checker and by the text alone.
template <class T>
void require_valid(const T& task, const std::vector<Example>& examples, const Made& made) {
  std::map<std::string, Example> by_id;
  for (const Example& example : examples) by_id[example.id] = example;
  std::set<std::string> seen;
  for (const Json& row : made.rows()) {
    INFO(row.dump(1));
    const Json& error = row.at("provenance");
    CHECK(row.at("error") == error.at("kind"));
    const Example& example = by_id.at(error.at("row"));
    const std::string chosen = row.at("chosen"), rejected = row.at("rejected");
    REQUIRE(seen.insert(row.at("prompt").get<std::string>() + '\n' + rejected).second);
    REQUIRE(chosen != rejected);
    REQUIRE(task.check(example, chosen).is_correct);
    const bool is_right = task.check(example, rejected).is_correct;
    CHECK(is_right == error.at("answer_is_right").get<bool>());
    if (is_right) {
      CHECK_FALSE(error.at("what").get<std::string>().empty());
      const std::string kind = error.at("kind");
      CHECK((kind == "swapped_steps" || kind == "unit" || kind == "swapped_entity" ||
             kind == "negated_premise"));
    }
    const auto begin = error.at("begin").get<std::size_t>();
    REQUIRE(begin < chosen.size());
    CHECK(chosen.substr(0, begin) == rejected.substr(0, begin));
    CHECK(error.at("before") != error.at("after"));
    CHECK(rejected.find('\x01') == std::string::npos);
  }
}

std::int64_t rows_with(const Made& made, const std::string& kind) {
  std::set<std::string> rows;
  for (const Json& row : made.rows())
    if (row.at("error") == kind) rows.insert(row.at("provenance").at("row"));
  return static_cast<std::int64_t>(rows.size());
}

}  // namespace

TEST_CASE("Every kind of error fits at least fifty rows of some set, and every pair is valid",
          "[synthesis]") {
  std::map<std::string, std::int64_t> most;
  const auto look = [&](const std::string& name, const auto& task) {
    const auto examples = task.examples();
    const Made made = make(task, all_kinds(), examples);
    require_valid(task, examples, made);
    std::cout << name << ": " << made.lines.size() << " pairs of " << examples.size() << " rows\n"
              << made.counts.table();
    for (const auto& choice : choices(std::type_identity<ErrorKind>{})) {
      auto& count = most[std::string(choice.name)];
      count = std::max(count, rows_with(made, std::string(choice.name)));
    }
  };
  look("gsm8k", gsm8k_fixture());
  look("math", file_task("math_chains.jsonl", R"(\\boxed\{(.*)\})"));
  look("logic", file_task("logic_chains.jsonl", "Answer: (.*)"));
  look("multi-hop", file_task("multi_hop_chains.jsonl", "Answer: (.*)"));
  look("common sense", file_task("common_sense_chains.jsonl", "Answer: (.*)"));
  for (const auto& [kind, rows] : most) {
    INFO(kind);
    CHECK(rows >= 50);
  }
  CHECK(most.size() == 11);
}

TEST_CASE("Kinds of equations fit at least fifty chains in LaTeX too", "[synthesis]") {
  const auto task = file_task("math_chains.jsonl", R"(\\boxed\{(.*)\})");
  const Made made = make(task, all_kinds(), task.examples());
  for (const char* kind : {"operation", "operand", "off_by_one", "dropped_step", "swapped_steps",
                           "unit", "carry_over", "final_answer"}) {
    INFO(kind);
    CHECK(rows_with(made, kind) >= 50);
  }
}

TEST_CASE("The same seed gives the same bytes, whatever the order of kinds and rows",
          "[synthesis]") {
  const auto task = gsm8k_fixture();
  auto examples = task.examples();
  auto kinds = all_kinds();
  const Made first = make(task, kinds, examples);
  std::reverse(kinds.begin(), kinds.end());
  CHECK(make(task, kinds, examples).lines == first.lines);
  std::reverse(examples.begin(), examples.end());
  auto reversed = make(task, kinds, examples).lines, sorted = first.lines;
  std::sort(reversed.begin(), reversed.end());
  std::sort(sorted.begin(), sorted.end());
  CHECK(reversed == sorted);
  CHECK(make(task, kinds, task.examples(), 1, 2).lines != first.lines);
  // One kind alone makes what it makes beside the others.
  std::vector<std::string> units;
  for (const std::string& line : first.lines)
    if (Json::parse(line).at("error") == "unit") units.push_back(line);
  CHECK(make(task, {ErrorKind::unit}, task.examples()).lines == units);
}

TEST_CASE("Rows say their cap, their repetitions and what does not fit", "[synthesis]") {
  const auto task = gsm8k_fixture();
  const auto examples = task.examples();
  const Made capped = make(task, all_kinds(), examples, 3, 1, 2);
  std::map<std::string, int> of_row;
  for (const Json& row : capped.rows()) ++of_row[row.at("provenance").at("row")];
  for (const auto& [row, count] : of_row) CHECK(count <= 2);
  CHECK(capped.counts.above_cap > 0);
  const Made free = make(task, all_kinds(), examples, 3);
  CHECK(free.counts.pairs == capped.counts.pairs + capped.counts.above_cap);
  require_valid(task, examples, free);
  // What is not made is counted, row by row.
  for (const auto& [kind, count] : free.counts.kinds) {
    INFO(to_string(kind));
    CHECK(rows_with(free, std::string(to_string(kind))) + count.does_not_apply + count.still_right +
              count.inconsistent + count.repeated ==
          static_cast<std::int64_t>(examples.size()));
  }
  // The same rows again are the same pairs.
  auto twice = examples;
  twice.insert(twice.end(), examples.begin(), examples.end());
  const Made again = make(task, all_kinds(), twice);
  CHECK(again.counts.pairs == make(task, all_kinds(), examples).counts.pairs);
  CHECK(again.counts.kinds.at(ErrorKind::final_answer).repeated > 0);
  // A reference that its own checker calls wrong is left out and counted.
  auto wrong = examples;
  wrong.resize(2);
  wrong[0].answer = "no number";
  wrong[1].answer = "";
  CHECK(make(task, all_kinds(), wrong).counts.without_chain == 1);
  CHECK_THROWS_AS(make(task, {}, examples), ConfigError);
}

TEST_CASE("GSM8K's training half gives thirty thousand pairs", "[synthesis]") {
  const auto root = testing::data_root();
  if (root.empty()) {
    std::cout << "LLDM_DATA is not set: GSM8K's training half is not read\n";
    return;
  }
  const auto task = gsm8k(root / "gsm8k/train.jsonl");
  const auto examples = task.examples();
  const auto begin = std::chrono::steady_clock::now();
  const Made made = make(task, all_kinds(), examples);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::cout << made.lines.size() << " pairs in " << seconds.count() << " s\n"
            << made.counts.table();
  CHECK(made.lines.size() >= 30000);
  require_valid(task, examples, made);
}
