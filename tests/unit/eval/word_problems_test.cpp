// SPDX-License-Identifier: MIT
#include "lldm/eval/word_problems.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;

namespace {

using Options = WordProblems::Options;

std::vector<Example> make(Split split, ChainForm form, std::int64_t rows, std::int64_t seed = 1,
                          StorySet stories = StorySet::all) {
  Options options;
  options.split = split, options.form = form, options.rows = rows, options.seed = seed;
  options.stories = stories;
  return WordProblems(options).examples();
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// The equations of a concise answer: what must not be seen outside its split.
std::string equations_of(const std::string& answer) {
  return answer.substr(0, answer.find(" ; ####"));
}

// Slow reference: works the story's chain out again.
bool is_right_chain(const std::string& answer) {
  std::istringstream in(answer);
  std::string left, sign, operand, equals, result, end, previous;
  while (in >> left && left != "####" && left != "now") {
    in >> sign >> operand >> equals >> result >> end;
    const int a = std::stoi(left), b = std::stoi(operand);
    if (end != ";" || equals != "=" || (sign == "+" ? a + b : a - b) != std::stoi(result))
      return false;
    if (!previous.empty() && previous != left) return false;
    previous = result;
  }
  for (; left == "now"; in >> left)
    if (!(in >> left) || left != previous || !(in >> end) || end != ";") return false;
  return left == "####" && in >> result && result == previous && !(in >> end);
}

const Example kExample{"x", "", "4 + 3 = 7 ; 7 - 2 = 5 ; #### 5"};
const WordProblems kTask{Options{}};

Verdict check(std::string_view output) { return kTask.check(kExample, output); }

}  // namespace

TEST_CASE("Every reference answer is a right chain within the range", "[eval][word_problems]") {
  for (const auto split : {Split::train, Split::dev, Split::test})
    for (const auto form : {ChainForm::concise, ChainForm::verbose})
      for (const auto& example : make(split, form, 500)) {
        INFO(example.prompt << " -> " << example.answer);
        CHECK(is_right_chain(example.answer));
        for (const auto& word : words_of(example.answer))
          if (std::isdigit(static_cast<unsigned char>(word[0]))) CHECK(std::stoi(word) <= 12);
        const auto verdict = kTask.check(example, example.answer);
        CHECK(verdict.is_correct);
        CHECK(verdict.metrics.at("well_formed") == 1);
        CHECK(verdict.metrics.at("skipped_steps") == 0);
        if (form == ChainForm::concise) CHECK(verdict.metrics.at("exact") == 1);
      }
}

TEST_CASE("Prompts and answers keep their sizes", "[eval][word_problems]") {
  std::size_t prompt = 0, concise = 0, verbose = 0;
  for (const auto& example : make(Split::train, ChainForm::concise, 3000)) {
    prompt = std::max(prompt, words_of(example.prompt).size());
    concise = std::max(concise, words_of(example.answer).size());
  }
  for (const auto& example : make(Split::train, ChainForm::verbose, 3000))
    verbose = std::max(verbose, words_of(example.answer).size());
  CHECK(prompt == 36);
  CHECK(concise == 20);
  CHECK(verbose == 29);
}

TEST_CASE("Superfluous lines follow their probabilities", "[eval][word_problems]") {
  std::array<int, 4> counts{};
  const auto examples = make(Split::train, ChainForm::verbose, 4000);
  for (const auto& example : examples) {
    const auto lines = kTask.check(example, example.answer).metrics.at("superfluous_steps");
    REQUIRE(lines <= 3);
    ++counts[static_cast<std::size_t>(lines)];
  }
  const std::array<double, 4> shares = {0.1, 0.3, 0.3, 0.3};
  double chi = 0;  // 3 degrees of freedom, P(> 21.1) = 1e-4, fixed seed
  for (std::size_t i = 0; i < 4; ++i)
    chi += std::pow(counts[i] - 4000 * shares[i], 2) / (4000 * shares[i]);
  CHECK(chi < 21.1);
}

TEST_CASE("No number instance of one split is seen in another, nor in pretraining text",
          "[eval][word_problems]") {
  std::map<Split, std::set<std::string>> chains;
  for (const auto split : {Split::train, Split::dev, Split::test})
    for (const auto form : {ChainForm::concise, ChainForm::verbose})
      for (const std::int64_t seed : {1, 2})
        for (const auto& example : make(split, form, 3000, seed)) {
          const auto now = example.answer.find(" ; now");
          chains[split].insert(now == std::string::npos ? equations_of(example.answer)
                                                        : example.answer.substr(0, now));
        }
  CHECK(chains[Split::train].size() > 1000);
  CHECK(chains[Split::test].size() > 300);
  for (const auto other : {Split::train, Split::dev})
    for (const auto& chain : chains[Split::test]) CHECK_FALSE(chains[other].contains(chain));
  for (const auto& chain : chains[Split::dev]) CHECK_FALSE(chains[Split::train].contains(chain));

  std::string text;
  for (const auto& row : make(Split::train, ChainForm::pretraining, 8000)) text += row.answer + ' ';
  for (const auto held_out : {Split::dev, Split::test})
    for (const auto& chain : chains[held_out]) CHECK(text.find(chain) == std::string::npos);
  // The stories of pretraining are of the split as well: none of their prompts is a held-out one.
  for (const auto held_out : {Split::dev, Split::test})
    for (const auto& example : make(held_out, ChainForm::concise, 300))
      CHECK(text.find(example.prompt) == std::string::npos);
}

TEST_CASE("Splits hold about 60, 20 and 20 percent of the number instances",
          "[eval][word_problems]") {
  std::map<Split, std::set<std::string>> chains;
  for (const auto split : {Split::train, Split::dev, Split::test}) {
    Options options;
    options.split = split, options.rows = 2000,
    options.operations_max = 2;  // few chains: all are seen
    for (const auto& example : WordProblems(options).examples())
      chains[split].insert(example.answer);
  }
  double total = 0;
  for (const auto& [split, seen] : chains) total += static_cast<double>(seen.size());
  CHECK(static_cast<double>(chains[Split::train].size()) / total == Approx(0.6).margin(0.08));
  CHECK(static_cast<double>(chains[Split::dev].size()) / total == Approx(0.2).margin(0.06));
  CHECK(static_cast<double>(chains[Split::test].size()) / total == Approx(0.2).margin(0.06));
}

TEST_CASE("The same options give the same problems, and more rows extend fewer",
          "[eval][word_problems]") {
  for (const auto form : {ChainForm::concise, ChainForm::verbose, ChainForm::pretraining}) {
    const auto few = make(Split::dev, form, 50), many = make(Split::dev, form, 80);
    const auto other = make(Split::dev, form, 50, 2);
    std::set<std::string> ids;
    int num_equal = 0;
    for (std::size_t i = 0; i < few.size(); ++i) {
      CHECK(few[i].id == many[i].id);
      CHECK(few[i].prompt == many[i].prompt);
      CHECK(few[i].answer == many[i].answer);
      ids.insert(few[i].id);
      num_equal += few[i].prompt + few[i].answer == other[i].prompt + other[i].answer;
    }
    CHECK(ids.size() == few.size());
    CHECK(num_equal == 0);
  }
  const auto concise = make(Split::dev, ChainForm::concise, 50),
             verbose = make(Split::dev, ChainForm::verbose, 50);
  for (std::size_t i = 0; i < concise.size(); ++i) CHECK(concise[i].prompt == verbose[i].prompt);
}

TEST_CASE("Prompts are pairwise different", "[eval][word_problems]") {
  std::set<std::string> prompts;
  for (const auto& example : make(Split::test, ChainForm::concise, 2000, 1, StorySet::owner))
    prompts.insert(example.prompt);
  CHECK(prompts.size() == 2000);
}

TEST_CASE("vocabulary_texts hold exactly the words that occur", "[eval][word_problems]") {
  std::set<std::string> vocabulary, seen;
  for (const auto& text : kTask.vocabulary_texts())
    for (const auto& word : words_of(text)) vocabulary.insert(word);
  Stream draws = Draws(3, "test").stream(Purpose::injection);
  for (const auto split : {Split::train, Split::dev, Split::test})
    for (const auto form : {ChainForm::concise, ChainForm::verbose, ChainForm::pretraining})
      for (const auto& example : make(split, form, 1000)) {
        const auto spoilt = kTask.inject_error(example, draws);
        const auto text =
            example.prompt + ' ' + example.answer + ' ' + (spoilt ? spoilt->text : "");
        for (const auto& word : words_of(text)) seen.insert(word);
      }
  CHECK(seen == vocabulary);
  CHECK(vocabulary.size() >= 60);
  CHECK(vocabulary.size() <= 110);
}

TEST_CASE("Stories of all four kinds are told, with and without distractors",
          "[eval][word_problems]") {
  std::map<std::string, int> kinds;
  const auto examples = make(Split::train, ChainForm::concise, 2000);
  for (const auto& example : examples) {
    const auto& prompt = example.prompt;
    ++kinds[prompt.find(" than ") != std::string::npos   ? "comparison"
            : prompt.find("a box ") != std::string::npos ? "box"
            : prompt.find("a bus ") != std::string::npos ? "bus"
                                                         : "owner"];
  }
  for (const auto* kind : {"comparison", "box", "bus", "owner"}) CHECK(kinds[kind] > 400);
  for (const auto& example : make(Split::train, ChainForm::concise, 200, 1, StorySet::owner))
    CHECK(example.prompt.find(" than ") == std::string::npos);
}

TEST_CASE("Pretraining rows are packed: as many words as asked, equations and stories",
          "[eval][word_problems]") {
  const auto rows = make(Split::train, ChainForm::pretraining, 400);
  int num_equals = 0, num_questions = 0;
  for (const auto& row : rows) {
    CHECK(row.prompt.empty());
    const auto words = words_of(row.answer);
    CHECK(words.size() == 24);
    num_equals += static_cast<int>(std::count(words.begin(), words.end(), "="));
    num_questions += static_cast<int>(std::count(words.begin(), words.end(), "?"));
    CHECK(std::count(words.begin(), words.end(), "####") == 0);
  }
  CHECK(num_equals / static_cast<double>(num_equals + num_questions) == Approx(0.6).margin(0.05));
}

TEST_CASE("check wants one #### followed by the right integer", "[eval][word_problems]") {
  CHECK(check("4 + 3 = 7 ; 7 - 2 = 5 ; #### 5").is_correct);
  CHECK(check("#### 5").is_correct);
  CHECK(check("nonsense \xFF ; #### 5 more").is_correct);
  CHECK(check("#### 5").extracted == "5");
  for (const auto* wrong :
       {"", "5", "#### 6", "#### five", "####", "#### 5 ; #### 5", "#### #### 5", "####5",
        "#### 5.0", "#### 99999999999999999999", "#### 5;"})
    CHECK_FALSE(check(wrong).is_correct);
  CHECK_FALSE(kTask.check({"x", "", "plain text"}, "#### 5").is_correct);
}

TEST_CASE("check counts lines that do not advance the chain", "[eval][word_problems]") {
  const auto superfluous = [](const char* text) {
    return check(text).metrics.at("superfluous_steps");
  };
  CHECK(superfluous("4 + 3 = 7 ; 7 - 2 = 5 ; #### 5") == 0);
  CHECK(superfluous("4 + 3 = 7 ; 7 - 2 = 5 ; now 5 ; now 5 ; #### 5") == 2);
  CHECK(superfluous("4 + 3 = 7 ; 4 + 3 = 7 ; 7 - 2 = 5 ; #### 5") == 1);  // a repetition
  CHECK(superfluous("4 + 3 = 7 ; 7 - 2 = 5 ; 5 - 0 = 5 ; #### 5") == 1);  // changes nothing
  CHECK(superfluous("4 + 3 = 7 ; 7 - 2 = 5 ; 5 + 1 = 6 ; 6 - 1 = 5 ; #### 5") == 2);  // a detour
  CHECK(superfluous("4 + 3 = 8 ; 8 - 2 = 7 ; #### 7") == 0);               // wrong, not long
  CHECK(superfluous("4 + 3 = 8 ; 8 - 2 = 7 ; now 7 ; #### 7") == 1);       // counted if wrong too
  CHECK(superfluous("4 + 3 = 7 ; 7 - 2 = 5 ; so #### 5 and 5 ; 5") == 3);  // also around the answer
  CHECK(superfluous("4 + = 7 ; 7 - 2 = 5 ; #### 5") == 1);
  CHECK(check("7 - 2 = 5 ; #### 5").metrics.at("skipped_steps") == 1);
  CHECK(check("4 + 3 = 7 ; 7 - 2 = 5 ; #### 5").metrics.at("skipped_steps") == 0);
  // A chain may come back to an equation it had: not a repetition of the line before.
  const Example back{"x", "", "5 + 2 = 7 ; 7 - 2 = 5 ; 5 + 2 = 7 ; #### 7"};
  CHECK(kTask.check(back, back.answer).metrics.at("superfluous_steps") == 0);
}

TEST_CASE("check grades right above wrong, and shorter right above longer",
          "[eval][word_problems]") {
  CHECK(check("4 + 3 = 7 ; 7 - 2 = 5 ; #### 5").grade == 100);
  CHECK(check("4 + 3 = 7 ; 7 - 2 = 5 ; now 5 ; #### 5").grade == 99);
  CHECK(check("4 + 3 = 7 ; 7 - 2 = 5 ; #### 6").grade == 0);
  std::string endless;
  for (int i = 0; i < 500; ++i) endless += "now 5 ; ";
  CHECK(check(endless + "#### 5").grade == 1);
}

TEST_CASE("check tells exact and well-formed answers", "[eval][word_problems]") {
  const auto metric = [](const char* text, const char* name) {
    return check(text).metrics.at(name);
  };
  CHECK(metric(" 4 + 3 = 7 ; 7 - 2 = 5 ; #### 5\n", "exact") == 1);
  CHECK(metric("4 + 3 = 7 ; 7 - 2 = 5 ; now 5 ; #### 5", "exact") == 0);
  CHECK(metric("7 - 2 = 5 ; #### 5", "exact") == 0);
  CHECK(metric("5 + 0 = 5 ; 5 + 0 = 5 ; #### 5", "exact") == 0);
  CHECK(metric("4 + 3 = 7 ; now 7 ; #### 7", "well_formed") == 1);
  CHECK(metric("4 + 3 = 7 ; 7 - 2 = 5 ; #### 5 5", "well_formed") == 0);
  CHECK(metric("4 + 3 = 7 ; 7 - 2 = 5 #### 5", "well_formed") == 0);
  CHECK(metric("4 3 = 7 ; #### 5", "well_formed") == 0);
  CHECK(metric("", "well_formed") == 0);
}

TEST_CASE("inject_error makes every kind of error, always wrong, in every form",
          "[eval][word_problems]") {
  Stream draws = Draws(1, "test").stream(Purpose::injection);
  std::map<std::string, int> kinds;
  for (const auto form : {ChainForm::concise, ChainForm::verbose})
    for (const auto& example : make(Split::train, form, 600)) {
      const auto injection = kTask.inject_error(example, draws);
      if (!injection) continue;
      INFO(example.answer << " -> " << injection->kind << ": " << injection->text);
      ++kinds[injection->kind];
      const auto verdict = kTask.check(example, injection->text);
      CHECK_FALSE(verdict.is_correct);
      CHECK(verdict.metrics.at("well_formed") == 1);
      CHECK(verdict.metrics.at("superfluous_steps") ==
            kTask.check(example, example.answer).metrics.at("superfluous_steps"));
      CHECK(verdict.metrics.at("skipped_steps") == (injection->kind == "dropped_step" ? 1 : 0));
      const bool is_arithmetic_right = is_right_chain(injection->text);
      CHECK(is_arithmetic_right ==
            (injection->kind != "off_by_one" && injection->kind != "wrong_final_answer"));
    }
  for (const auto* kind :
       {"wrong_operation", "wrong_operand", "off_by_one", "dropped_step", "wrong_final_answer"})
    CHECK(kinds[kind] > 100);
  CHECK(kinds.size() == 5);
  CHECK_FALSE(kTask.inject_error({"x", "", "no chain"}, draws));
}

TEST_CASE("inject_error is a function of its draws", "[eval][word_problems]") {
  const auto examples = make(Split::train, ChainForm::concise, 30);
  Stream first = Draws(4, "test").stream(Purpose::injection), second = first;
  for (const auto& example : examples) {
    const auto a = kTask.inject_error(example, first), b = kTask.inject_error(example, second);
    REQUIRE(a.has_value() == b.has_value());
    if (a) CHECK(a->text == b->text);
  }
}

TEST_CASE("Options that cannot be met are refused", "[eval][word_problems]") {
  const auto message_of = [](auto change) {
    Options options;
    change(options);
    try {
      (void)WordProblems(options).examples();
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK(message_of([](Options& o) { o.operations_min = 4; }) ==
        "word_problems: operations_min is 4, above operations_max = 3");
  CHECK_THAT(message_of([](Options& o) { o.superfluous_probabilities = {0.5, 0.4}; }),
             testing::contains("must sum to 1, sum to 0.9"));
  CHECK_THAT(message_of([](Options& o) { o.start_min = o.start_max = 20; }),
             testing::contains("start_min = 20 is above value_max = 12"));
  CHECK_THAT(message_of([](Options& o) { o.operand_min = o.operand_max = 500; }),
             testing::contains("found no chain of split \"train\""));
  CHECK_THAT(message_of([](Options& o) {
               o.rows = 100000, o.stories = StorySet::owner;
               o.operations_min = o.operations_max = 1, o.distractor_share = 0;
               o.start_min = o.start_max = 5, o.operand_min = o.operand_max = 2;
             }),
             testing::contains("lower rows or widen the ranges"));
}
