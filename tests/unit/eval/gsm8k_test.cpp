// SPDX-License-Identifier: MIT
#include "lldm/eval/gsm8k.hpp"

#include <fstream>
#include <iostream>
#include <map>
#include <set>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "synthesis/wrong_chain.hpp"

using namespace lldm;

namespace {

constexpr const char* kClips =
    R"({"question": "Natalia sold clips to 48 of her friends in April, and then half as many in May. How many altogether?", "answer": "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\nNatalia sold 48+24 = <<48+24=72>>72 clips altogether in April and May.\n#### 72"})";

std::string error_of(std::string_view text, Gsm8k::Options options = {}) {
  const testing::TemporaryFolder folder;
  options.path = (folder / "test.jsonl").string();
  std::ofstream(options.path) << text;
  try {
    (void)Gsm8k(options);
  } catch (const Error& error) {
    std::string out = error.what();
    const std::string path = options.path.string();
    for (std::size_t at; (at = out.find(path)) != std::string::npos;)
      out.replace(at, path.size(), "F");
    return out;
  }
  return "no error";
}

Gsm8k task_of(std::string_view text, std::int64_t limit = 0) {
  const testing::TemporaryFolder folder;
  Gsm8k::Options options;
  options.path = (folder / "test.jsonl").string(), options.limit = limit;
  std::ofstream(options.path) << text;
  return Gsm8k(options);
}

std::set<std::string> spoilt(const Example& example, ErrorKind kind) {
  std::set<std::string> texts;
  const auto chain = synthesis::read_chain(example.prompt, example.answer);
  for (auto& wrong : synthesis::spoil(chain, kind)) texts.insert(std::move(wrong.text));
  return texts;
}

std::size_t count_false(const std::string& text) {
  std::size_t count = 0;
  for (const auto& annotation : synthesis::find_annotations(text)) count += !annotation.is_true;
  return count;
}

}  // namespace

TEST_CASE("gsm8k rows become questions with the harness's prompt", "[eval][gsm8k]") {
  const auto task = task_of(std::string(kClips) + "\n" + kClips + "\n");
  const auto examples = task.examples();
  REQUIRE(examples.size() == 2);
  CHECK(examples[1].id == "gsm8k-test-2");
  CHECK_THAT(examples[1].place, Catch::Matchers::EndsWith("test.jsonl:2"));
  CHECK_THAT(examples[0].prompt, Catch::Matchers::StartsWith("Question: Natalia sold") &&
                                     Catch::Matchers::EndsWith("How many altogether?\nAnswer:"));
  CHECK(task.check(examples[0], examples[0].answer).is_correct);
  CHECK(task_of(std::string(kClips) + "\n" + kClips + "\n", 1).examples().size() == 1);
}

// 8: a base model goes on with another question; the harness stops it there (generation_kwargs).
TEST_CASE("gsm8k grades the output up to the first stop string, by both filters", "[eval][gsm8k]") {
  const auto task = task_of(R"({"question": "q", "answer": "2 + 3 = <<2+3=5>>5\n#### 5"})");
  const Example example = task.examples().front();
  const auto graded = [&](std::string_view output) {
    const Verdict verdict = task.check(example, output);
    return std::pair(verdict.metrics.at("strict_match"), verdict.metrics.at("flexible_extract"));
  };
  using Both = std::pair<double, double>;
  CHECK(graded(" 2 + 3 = 5\n#### 5\n\nQuestion: Bob has 70 cups") == Both(1, 1));
  CHECK(graded(" It is five.\n\nQuestion: B?\nAnswer: 9-4\n#### 5") == Both(0, 0));
  CHECK(graded("#### 5</s> 77") == Both(1, 1));
  CHECK(graded("#### 5<|im_end|>\n#### 6 and 7") == Both(1, 1));
  CHECK(graded("</s>#### 5") == Both(0, 0));
  CHECK(graded("<|im_end|>5 Question: 5") == Both(0, 0));
  CHECK(graded("#### 5 Questions: 6, question: 7") == Both(1, 0));  // no stop string
  CHECK(gsm8k_until("a</s>b<|im_end|>cQuestion:d") == "a");
  CHECK(gsm8k_until("Question:") == "");
  CHECK(gsm8k_until("Question </s >") == "Question </s >");
  CHECK(task.check(example, "x Question: 5").extracted == "[invalid]");
}

TEST_CASE("Bad gsm8k files are refused with all their rows", "[eval][gsm8k]") {
  CHECK_THAT(
      error_of("{\"question\": \"q\"}\n{\"question\": 1, \"answer\": \"a\"}\n{\n"),
      testing::contains("F: 3 of 3 rows cannot be used\n  F:1: \"answer\" is missing or not a "
                        "string\n  F:2: \"question\" is missing or not a string\n  F:3:"));
  CHECK(error_of("") == "F: holds no rows");
  Gsm8k::Options none;
  none.limit = -1;
  CHECK_THAT(error_of(kClips, none), testing::contains("limit must be at least 0"));
  CHECK_THROWS_AS(Gsm8k(Gsm8k::Options{}), ConfigError);
}

TEST_CASE("The gsm8k filters read the first #### number and the last number", "[eval][gsm8k]") {
  const auto strict = [](const char* text) { return gsm8k_extract(Gsm8kFilter::strict, text); };
  const auto flexible = [](const char* text) { return gsm8k_extract(Gsm8kFilter::flexible, text); };
  CHECK(strict("#### -1,234. and #### 5") == "-1,234.");
  CHECK(strict("##### 25") == "25");
  CHECK(strict("#### - #### #### 7") == "7");
  CHECK(strict("#### $5") == "[invalid]");
  CHECK(flexible("so 12 or -3") == "-3");
  CHECK(flexible("3. then $") == "3.");
  CHECK(flexible("\xFF\xFE") == "[invalid]");
  CHECK(gsm8k_matches("1,234.", "work\n#### 1234"));
  CHECK(gsm8k_matches("$5", "#### 9 #### 5."));
  CHECK(gsm8k_matches("5", "#### 5.\n") == false);
  CHECK_FALSE(gsm8k_matches("5..", "#### 5"));
}

TEST_CASE("Expressions of annotations are worked out", "[eval][gsm8k]") {
  CHECK(synthesis::evaluate("2+3*4") == 14.0);
  CHECK(synthesis::evaluate("(2+3)*4/8-.5") == 2.0);
  CHECK(synthesis::evaluate("1,200/2") == 600.0);
  for (const auto* bad : {"", "2+", "2/0", "(2", "2)", "x", "2 + 3", "50%"})
    CHECK_FALSE(synthesis::evaluate(bad));
  CHECK(synthesis::write_value(22500, true) == "22,500");
  CHECK(synthesis::write_value(1234567.5, true) == "1,234,567.5");
  CHECK(synthesis::write_value(0.25, false) == "0.25");
  CHECK(synthesis::write_value(100, true) == "100");
  CHECK_FALSE(synthesis::write_value(1.0 / 3, false));
  CHECK_FALSE(synthesis::write_value(-1, false));
}

TEST_CASE("An error is carried on to the final answer", "[eval][gsm8k]") {
  const auto example = task_of(kClips).examples().at(0);
  CHECK(spoilt(example, ErrorKind::operation)
            .contains("Natalia sold 48*2 = <<48*2=96>>96 clips in May.\nNatalia sold 48+96 = "
                      "<<48+96=144>>144 clips altogether in April and May.\n#### 144"));
  CHECK(spoilt(example, ErrorKind::off_by_one)
            .contains("Natalia sold 48/2 = <<48/2=25>>25 clips in May.\nNatalia sold 48+25 = "
                      "<<48+25=73>>73 clips altogether in April and May.\n#### 73"));
  CHECK(spoilt(example, ErrorKind::dropped_step)
            .contains(
                "Natalia sold 48+48 = <<48+48=96>>96 clips altogether in April and May.\n#### 96"));
  CHECK(spoilt(example, ErrorKind::operand)
            .contains("Natalia sold 48/48 = <<48/48=1>>1 clips in May.\nNatalia sold 48+1 = "
                      "<<48+1=49>>49 clips altogether in April and May.\n#### 49"));
  CHECK(spoilt(example, ErrorKind::final_answer)
            .contains("Natalia sold 48/2 = <<48/2=24>>24 clips in May.\nNatalia sold 48+24 = "
                      "<<48+24=72>>72 clips altogether in April and May.\n#### 71"));
}

TEST_CASE("Thousands keep their commas, and worded signs are changed too", "[eval][gsm8k]") {
  const Example example{"", "Question: 4500 and 20",
                        "He makes 4,500 x 5 = $<<4500*5=22500>>22,500.\n#### 22,500"};
  CHECK(spoilt(example, ErrorKind::operation)
            .contains("He makes 4,500 + 5 = $<<4500+5=4505>>4,505.\n#### 4,505"));
  CHECK(spoilt(example, ErrorKind::off_by_one)
            .contains("He makes 4,500 x 5 = $<<4500*5=22501>>22,501.\n#### 22,501"));
  CHECK(spoilt(example, ErrorKind::dropped_step).empty());
}

TEST_CASE("A place where the words tell another expression does not fit", "[eval][gsm8k]") {
  const Example worded{"", "", "There are 6 bags with 4 each = <<6*4=24>>24.\n#### 24"};
  CHECK(spoilt(worded, ErrorKind::operation).empty());
  CHECK_FALSE(spoilt(worded, ErrorKind::off_by_one).empty());
  const Example untrue{"", "", "So 6*4 = <<6*4=25>>25.\n#### 25"};
  CHECK(spoilt(untrue, ErrorKind::off_by_one).empty());
}

TEST_CASE("Every injected error of GSM8K's training set is wrong and consistent", "[eval][gsm8k]") {
  const auto root = testing::data_root();
  Gsm8k::Options options;
  options.path = (root / "gsm8k/train.jsonl").string(), options.limit = 2000;
  if (root.empty()) {
    std::cout << "LLDM_DATA is not set: only the fixture's solutions are spoilt\n";
    options.path = std::string(LLDM_SOURCE_DIR) + "/tests/unit/eval/fixtures/gsm8k_train_200.jsonl";
  }
  const Gsm8k task(options);
  Stream draws = Draws(1, "test").stream(Purpose::injection);
  std::map<std::string, int> kinds;
  int num_injected = 0, num_tried = 0;
  for (const auto& example : task.examples()) {
    ++num_tried;
    const auto injection = task.inject_error(example, draws);
    if (!injection) continue;
    ++num_injected;
    ++kinds[injection->kind];
    INFO(example.answer << "\n-> " << injection->kind << ":\n" << injection->text);
    const auto verdict = task.check(example, injection->text);
    CHECK(verdict.metrics.at("strict_match") == 0);
    CHECK(verdict.metrics.at("flexible_extract") == 0);
    CHECK(injection->text != example.answer);
    // Whatever is carried on is worked out rightly: only a slip makes one more annotation untrue.
    CHECK(count_false(injection->text) <=
          count_false(example.answer) + (injection->kind == "off_by_one" ? 1 : 0));
  }
  CHECK(kinds.size() == 5);
  CHECK(num_injected > 0.7 * num_tried);
  std::cout << "gsm8k errors injected into " << num_injected << " of " << num_tried
            << " solutions:";
  for (const auto& [kind, count] : kinds) std::cout << ' ' << kind << ' ' << count;
  std::cout << '\n';
}
