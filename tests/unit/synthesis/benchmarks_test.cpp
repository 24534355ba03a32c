// SPDX-License-Identifier: MIT
#include "synthesis/benchmarks.hpp"

#include <cctype>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "synthesis/prompt_key.hpp"

using namespace lldm;
using namespace lldm::synthesis;

namespace {

/// A prompt of MATH-500 and one of GSM8K's test half, both MIT.
constexpr const char* kMath =
    "Convert the point $(0,3)$ in rectangular coordinates to polar coordinates.  Enter your answer "
    "in the form $(r,\\theta),$ where $r > 0$ and $0 \\le \\theta < 2 \\pi.$";
constexpr const char* kGsm8k =
    "Janet\xE2\x80\x99s ducks lay 16 eggs per day. She eats three for breakfast every morning and "
    "bakes muffins for her friends every day with four. She sells the remainder at the farmers' "
    "market daily for $2 per fresh duck egg. How much in dollars does she make every day at the "
    "farmers' market?";

}  // namespace

TEST_CASE("Prompts of benchmarks are known however they are dressed", "[synthesis]") {
  CHECK(benchmark_of(kMath) == "MATH-500");
  CHECK(benchmark_of(kGsm8k) == "GSM8K test");
  CHECK(benchmark_of(std::string("Question: ") + kGsm8k + "\nAnswer:") == "GSM8K test");
  CHECK(benchmark_of(std::string("Problem:\n") + kMath + "\n\nSolution:") == "MATH-500");
  CHECK(benchmark_of(std::string("Q: What is 1 + 1?\nA: 2\n\nQ: ") + kGsm8k + "\nA:") ==
        "GSM8K test");
  std::string other(kMath);
  for (char& c : other)
    if (c == ' ') c = '\n';
  CHECK(benchmark_of(other) == "MATH-500");
  other = kMath;
  other.replace(other.find("(0,3)"), 5, "(0,4)");
  CHECK(benchmark_of(other).empty());
  for (const char* none : {"", "Answer:", "What is 1 + 1?", "Question:\n\n\n"})
    CHECK(benchmark_of(none).empty());
}

TEST_CASE("The key of a prompt keeps what tells problems apart", "[synthesis]") {
  const auto same = [](const char* a, const char* b) {
    INFO(a << " and " << b);
    CHECK(benchmark_key(a) == benchmark_key(b));
  };
  const auto differ = [](const char* a, const char* b) {
    INFO(a << " and " << b);
    CHECK(benchmark_key(a) != benchmark_key(b));
  };
  for (const auto& [a, b] : std::vector<std::pair<const char*, const char*>>{
           {"3+2?", "3-2?"},
           {"3*2", "3/2"},
           {"x^2", "x_2"},
           {"a < b", "a > b"},
           {"a = b", "a \\ne b"},
           {"(a)b", "(ab)"},
           {"5!", "5"},
           {"3.5", "35"},
           {".5", "5"},
           {"(0,3)", "(03)"},
           {"3:5", "35"},
           {"3 4/5", "34/5"},
           {"f'(x)", "f(x)"},
           {"f''(x)", "f'(x)"},
           {"|x|", "x"},
           {"50%", "50"},
           {"$2", "2"},
           {"\xCF\x80 r", "r"},
           {"\xE4\xB8\x80\xE5\x8A\xA0\xE4\xB8\x80", "\xE4\xB8\x80\xE5\x87\x8F\xE4\xB8\x80"}})
    differ(a, b);
  same("What is  3 + 2 ?", "what is 3+2");
  same("(0, 3)", "(0,3)");
  same("3\n4/5", "3 4/5");
  same(
      "Janet\xE2\x80\x99s \xE2\x80\x9C"
      "ducks\xE2\x80\x9D.",
      "Janet's \"ducks\"");
  same(
      "\xC3\x84PFEL\xC2\xA0und\xE2\x80\x83"
      "Birnen",
      "\xC3\xA4pfel und birnen");
  same("QUESTION: Who?\nANSWER:", "Who?");
  CHECK(benchmark_key("Question:\n").empty());
  CHECK(key_length(benchmark_key("\xE6\xA2\xA8 2")) == 2);
  // Of MATH's training half, and MATH-500's $(-k + 4) + (-2 + 3k)$.
  CHECK(benchmark_of("Simplify $(k - 4) - (2 + 3k)$.").empty());
  CHECK(benchmark_of("Simplify $(-k + 4) + (-2 + 3k)$.") == "MATH-500");
}

TEST_CASE("Files of benchmarks are known by their names", "[synthesis]") {
  for (const char* name :
       {"data/gsm8k/test.jsonl", "math500.jsonl", "MATH-500/test.jsonl", "math_500.jsonl",
        "logiqa/eval.txt", "LogiQA/dev.json", "logiqa_test.jsonl", "hotpotqa/dev_simplified.json",
        "hotpot_dev_v1.json", "grade-school-math/test.jsonl", "planning/countdown3_test.jsonl",
        "planning/sudoku4x4_test.csv"}) {
    INFO(name);
    CHECK_FALSE(benchmark_name(name).empty());
  }
  for (const char* name :
       {"data/gsm8k/train.jsonl", "test.jsonl", "logiqa/train.txt", "fixtures/math_chains.jsonl",
        "gsm8k_train_200.jsonl", "attest/gsm8k.jsonl"}) {
    INFO(name);
    CHECK(benchmark_name(name).empty());
  }
}

TEST_CASE("Rows of benchmarks are refused with their places", "[synthesis]") {
  BenchmarkPrompts prompts;
  prompts.look("What is 1 + 1?", "rows.jsonl:1");
  CHECK_NOTHROW(prompts.refuse("stage \"sft\"", "remedy"));
  prompts.look(kMath, "rows.jsonl:2");
  CHECK_THROWS_WITH(
      prompts.refuse("stage \"sft\"", "remedy"),
      "stage \"sft\": data that models are measured by is never trained on\n  rows.jsonl:2: of "
      "MATH-500\n  remedy");
  CHECK(prompts.counts() == std::map<std::string, std::int64_t>{{"MATH-500", 1}});
}

TEST_CASE("A question of HotpotQA's development set is known, and of sets of one's own",
          "[synthesis]") {
  const std::string question = "Were Scott Derrickson and Ed Wood of the same nationality?";
  CHECK(benchmark_of(question) == "HotpotQA dev");
  CHECK(benchmark_of("Context: none\n\nQuestion: " + question + "\nAnswer:") == "HotpotQA dev");
  const std::string own = "How many pears does the fourth baker of Lisbon keep?";
  CHECK(benchmark_of(own).empty());
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "sets.jsonl";
  {
    BenchmarkSets sets;
    CHECK(sets.add("ours", "Question: " + own));
    CHECK_FALSE(sets.add("ours", "2 + 2?"));
    CHECK_FALSE(sets.add("ours", "\xE6\xA2\xA8\xE6\x9C\x89\xE5\x87\xA0\xE4\xB8\xAA 2?"));
    CHECK(sets.lines().find("pears") == std::string::npos);
    std::ofstream(file) << sets.lines();
  }
  BenchmarkPrompts prompts(file);
  prompts.look("Think.\n" + own, "rows.jsonl:1");
  prompts.look(question, "rows.jsonl:2");
  CHECK(prompts.counts() == std::map<std::string, std::int64_t>{{"ours", 1}, {"HotpotQA dev", 1}});
  BenchmarkPrompts without;
  without.look(own, "rows.jsonl:1");
  CHECK_FALSE(without.is_any());
}

TEST_CASE("A file of sets that is none is refused with its line", "[synthesis]") {
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "sets.jsonl";
  const auto refused = [&](const std::string& text, const std::string& why) {
    std::ofstream(file) << text;
    CHECK_THROWS_WITH(BenchmarkSets(file), testing::contains(why));
  };
  refused("", "holds no set");
  refused("{\"prompt\": \"p\"}\n", "sets.jsonl:1: is no set of benchmark prompts");
  refused("[1]\n", "sets.jsonl:1: is no set of benchmark prompts");
  refused("{\"benchmark\": \"x\", \"digest\": \"md5\", \"prompts\": []}\n",
          "are kept in another way");
  refused(  // of an earlier key, which told "3+2" and "3-2" not apart
      "{\"benchmark\": \"x\", \"digest\": \"sha256/12 of ASCII letters and digits\", "
      "\"prompts\": []}\n",
      "are kept in another way");
  BenchmarkSets sets;
  sets.add("x", "a prompt that is long enough to be known");
  refused(sets.lines() +
              "{\"benchmark\": \"y\", \"digest\": \"sha256/12 of the key with signs\", "
              "\"prompts\": [\"XYZ\"]}\n",
          "sets.jsonl:2: holds what is no digest");
  CHECK_THROWS_AS(BenchmarkSets(folder.path() / "none"), DataError);
}

namespace {

/// The text in capitals, each of its spaces a line break and a tab.
std::string laid_out_anew(const std::string& text) {
  std::string out;
  for (const char c : text)
    if (c == ' ')
      out += "\n\t";
    else
      out += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

}  // namespace

TEST_CASE("The whole of each built-in benchmark is known, and nothing of GSM8K's training half",
          "[synthesis]") {
  const auto root = testing::data_root();
  if (root.empty()) {
    std::cout << "LLDM_DATA is not set: one prompt of each benchmark is looked at\n";
    return;
  }
  const auto known = [&](const char* file, const char* key, const std::string& set) {
    std::ifstream in(root / file);
    int rows = 0, found = 0;
    for (std::string line; std::getline(in, line); ++rows) {
      const auto prompt = nlohmann::json::parse(line).at(key).get<std::string>();
      found += benchmark_of(prompt) == set && benchmark_of(laid_out_anew(prompt)) == set;
    }
    return std::pair(rows, found);
  };
  CHECK(known("math/math500.jsonl", "problem", "MATH-500") == std::pair<int, int>(500, 500));
  CHECK(known("gsm8k/test.jsonl", "question", "GSM8K test") == std::pair(1319, 1319));
  CHECK(known("gsm8k/train.jsonl", "question", "") == std::pair(7473, 7473));
  std::ifstream hotpot(root / "hotpotqa/dev_simplified.json");
  int questions = 0;
  for (const auto& row : nlohmann::json::parse(hotpot)) {
    const auto question = row.at("question").get<std::string>();
    questions += benchmark_of(question) == "HotpotQA dev" &&
                 benchmark_of(laid_out_anew(question)) == "HotpotQA dev";
  }
  CHECK(questions == 7405);
  // A blank line, the letter, context, question, four options.
  std::ifstream logiqa(root / "logiqa/eval.txt");
  int by_lines = 0, in_one = 0;
  std::string line, context, question;
  while (std::getline(logiqa, line)) {
    std::getline(logiqa, line);
    std::getline(logiqa, context);
    std::getline(logiqa, question);
    std::string options;
    for (int i = 0; i < 4 && std::getline(logiqa, line); ++i) options += line + "\n";
    by_lines += benchmark_of(context + "\n" + question + "\n" + options) == "LogiQA dev";
    in_one += benchmark_of(context + " " + question) == "LogiQA dev" &&
              benchmark_of(laid_out_anew(context + " " + question)) == "LogiQA dev";
  }
  CHECK(by_lines == 651);
  CHECK(in_one == 651);
}
