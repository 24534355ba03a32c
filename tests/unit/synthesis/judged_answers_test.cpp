// SPDX-License-Identifier: MIT
#include "synthesis/judged_answers.hpp"

#include <fstream>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"
#include "synthesis/answer_file.hpp"

using namespace lldm;
using namespace lldm::synthesis;

namespace {

JudgedAnswer correct(std::string text) {
  return {{.is_correct = true, .grade = 1, .extracted = "5", .metrics = {}}, std::move(text)};
}
JudgedAnswer wrong(std::string text) {
  return {{.is_correct = false, .grade = 0, .extracted = "6", .metrics = {}}, std::move(text)};
}
JudgedAnswer incomplete(std::string text) {
  return {{.is_correct = false, .grade = 0, .extracted = "[invalid]", .metrics = {}},
          std::move(text)};
}

using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;
using Why = AnswerPairs::Why;

Pairs pairs(const std::vector<JudgedAnswer>& answers, PairRule rule) {
  return pair_answers(answers, rule).pairs;
}

}  // namespace

TEST_CASE("By outcome, correct stands above incomplete above wrong, and short above long",
          "[synthesis]") {
  const PairRule all{.by = PairBy::outcome, .most = 0};
  CHECK(pairs({wrong("w"), incomplete("i"), correct("c")}, all) == Pairs{{2, 0}});
  CHECK(pairs({wrong("w"), incomplete("i")}, all) == Pairs{{1, 0}});
  CHECK(pairs({correct("longer"), correct("c")}, all) == Pairs{{1, 0}});
  CHECK(pairs({correct("a long one"), wrong("w"), correct("c"), incomplete("i")}, all) ==
        Pairs{{2, 1}, {0, 3}});
  // Ties: as long, or both wrong; and a text that is there twice is one answer.
  CHECK(pairs({correct("ab"), correct("cd")}, all).empty());
  CHECK(pairs({correct("\xC3\xA9"), correct("e")}, all).empty());
  CHECK(pairs({wrong("a"), wrong("bcd")}, all).empty());
  CHECK(pairs({correct("c"), correct("c "), wrong("w")}, all) == Pairs{{0, 2}});
  CHECK(pair_answers({wrong("a"), wrong("b")}, all).why == Why::ties);
}

TEST_CASE("By grade, pairs are what they were: best against worst while the grades differ",
          "[synthesis]") {
  std::vector<JudgedAnswer> answers;
  for (const double grade : {2.0, 5.0, 1.0, 5.0, 3.0}) {
    answers.push_back(wrong("a"));
    answers.back().verdict.grade = grade;
  }
  CHECK(pairs(answers, {.most = 1}) == Pairs{{1, 2}});
  CHECK(pairs(answers, {.most = 0}) == Pairs{{1, 2}, {3, 0}});
}

TEST_CASE("Prompts that are too hard or too easy make no pair", "[synthesis]") {
  const std::vector<JudgedAnswer> quarter = {correct("c"), wrong("1"), wrong("2"), wrong("3")};
  PairRule rule{.by = PairBy::outcome, .most = 1};
  CHECK(pair_answers(quarter, rule).why == Why::made);
  rule.correct_share_min = 0.3;
  CHECK(pair_answers(quarter, rule).why == Why::too_hard);
  rule = {.by = PairBy::outcome, .correct_share_max = 0.25, .most = 1};
  CHECK(pair_answers(quarter, rule).why == Why::made);
  rule.correct_share_max = 0.2;
  CHECK(pair_answers(quarter, rule).why == Why::too_easy);
}

TEST_CASE("What a checker found decides what is incomplete", "[synthesis]") {
  Verdict verdict;
  CHECK(outcome_of(verdict) == Outcome::wrong);
  verdict.metrics["well_formed"] = 0;
  CHECK(outcome_of(verdict) == Outcome::incomplete);
  verdict.extracted = "7";
  CHECK(outcome_of(verdict) == Outcome::wrong);
  verdict.metrics["incomplete"] = 1;
  CHECK(outcome_of(verdict) == Outcome::incomplete);
  verdict.is_correct = true;
  CHECK(outcome_of(verdict) == Outcome::correct);
}

TEST_CASE("Answers made elsewhere are read, matched with their problems and paired",
          "[synthesis]") {
  const testing::TemporaryFolder folder;
  const auto file = folder / "answers.jsonl";
  std::ofstream(file)
      << R"({"id": "p-1", "response": "five"})"
         "\n"
         R"({"prompt": "Question: What is two plus two?\nAnswer:", "responses": ["4", "5"], "k": 1})"
         "\n"
         R"({"id": "p-1", "response": "six", "correct": false})"
         "\n"
         R"({"id": "nobody", "response": "x"})"
         "\n";
  auto prompts = read_answers(file);
  REQUIRE(prompts.size() == 3);
  CHECK(prompts[0].answers.size() == 2);
  CHECK(prompts[0].answers[1].line == 3);
  CHECK(prompts[0].answers[1].is_correct == false);
  const std::vector<Example> problems = {{"p-1", "Say five.", "five"},
                                         {"p-2", "What is two plus two?", "4"}};
  CHECK(match_problems(prompts, problems, "here").size() == 1);
  REQUIRE(prompts.size() == 2);
  CHECK(prompts[1].example.id == "p-2");
  ImportCounts counts;
  const auto lines =
      import_pairs(prompts[1], {correct("4").verdict, wrong("5").verdict},
                   {.by = PairBy::outcome, .most = 1}, {.name = "answers.jsonl"}, "gsm8k", counts);
  REQUIRE(lines.size() == 1);
  const auto pair = nlohmann::json::parse(lines[0]);
  CHECK(pair.at("prompt") == "What is two plus two?");
  CHECK(pair.at("chosen") == "4");
  CHECK(pair.at("provenance").at("lines") == nlohmann::json::array({2, 2}));
  CHECK(pair.at("provenance").at("labeled_by") == "gsm8k");
  // An answer without a verdict is never paired.
  Verdict failed;
  failed.failure = "timed out";
  CHECK(import_pairs(prompts[1], {correct("4").verdict, failed}, {.most = 1}, {}, "", counts)
            .empty());
  CHECK(counts.failed == 1);
  std::vector<PromptAnswers> others = {{{"nobody", "?", ""}, {{"x", 1}}}};
  CHECK_THROWS_AS(match_problems(others, problems, "here"), DataError);
}

namespace {

/// The answers of a file of these rows.
std::vector<PromptAnswers> answers_of(const std::string& rows) {
  const testing::TemporaryFolder folder;
  std::ofstream(folder / "answers.jsonl") << rows;
  return read_answers(folder / "answers.jsonl");
}

}  // namespace

TEST_CASE("Answers are given to the problem that asks the same to the letter", "[synthesis]") {
  const std::vector<Example> problems = {{"a", "3-2?", "1"},
                                         {"b", "3+2?", "5"},
                                         {"c", "\xE4\xB8\x80\xE5\x8A\xA0\xE4\xB8\x80?", "2"},
                                         {"d", "\xE4\xB8\x80\xE5\x87\x8F\xE4\xB8\x80?", "0"},
                                         {"e", "Add 1  and\n2.", "3"}};
  auto prompts = answers_of(
      "{\"prompt\": \"3+2?\", \"response\": \"5\"}\n"
      "{\"prompt\": \"\xE4\xB8\x80\xE5\x87\x8F\xE4\xB8\x80?\", \"response\": \"0\"}\n"
      "{\"prompt\": \" Add 1 and 2.\\n\", \"response\": \"3\"}\n"
      "{\"prompt\": \"3*2?\", \"response\": \"6\"}\n"
      "{\"prompt\": \"\xE4\xBA\x8C?\", \"response\": \"2\"}\n");
  const auto unmatched = match_problems(prompts, problems, "here");
  REQUIRE(prompts.size() == 3);
  CHECK(prompts[0].example.id == "b");
  CHECK(prompts[1].example.id == "d");
  CHECK(prompts[2].example.id == "e");
  CHECK(unmatched.size() == 2);
}

TEST_CASE("Answers to a prompt of two problems are refused with the places", "[synthesis]") {
  const std::vector<Example> problems = {{"a", "How many?", "1", "problems.jsonl:1"},
                                         {"b", "How  many?", "2", "problems.jsonl:2"},
                                         {"c", "Same?", "yes", "problems.jsonl:3"},
                                         {"d", "Same?", "yes", "problems.jsonl:4"}};
  auto exact = answers_of(
      "{\"prompt\": \"How  many?\", \"response\": \"2\"}\n"
      "{\"prompt\": \"Same?\", \"response\": \"yes\"}\n"
      "{\"id\": \"a\", \"response\": \"1\"}\n");
  CHECK(match_problems(exact, problems, "here").empty());
  REQUIRE(exact.size() == 3);
  CHECK(exact[0].example.id == "b");
  CHECK(exact[1].example.id == "c");
  CHECK(exact[2].example.id == "a");
  auto spaced = answers_of("{\"prompt\": \"How\\nmany?\", \"response\": \"2\"}\n");
  CHECK_THROWS_WITH(match_problems(spaced, problems, "here"),
                    testing::contains("answers.jsonl:1: which problem it answers cannot be told: "
                                      "problems.jsonl:1 and problems.jsonl:2"));
  const std::vector<Example> ids = {{"a", "One?", "1", "problems.jsonl:1"},
                                    {"a", "Two?", "2", "problems.jsonl:2"}};
  auto by_id = answers_of("{\"id\": \"a\", \"response\": \"1\"}\n");
  CHECK_THROWS_WITH(match_problems(by_id, ids, "here"), testing::contains("have one id"));
}

TEST_CASE("An id and a prompt that contradict each other are refused", "[synthesis]") {
  const std::vector<Example> problems = {{"a", "How many pears?", "1", "problems.jsonl:1"}};
  auto other = answers_of("{\"id\": \"a\", \"prompt\": \"How old?\", \"response\": \"2\"}\n");
  CHECK_THROWS_WITH(match_problems(other, problems, "here"),
                    testing::contains("answers.jsonl:1: has the id \"a\" of problems.jsonl:1, and "
                                      "asks something else"));
  CHECK_THROWS_WITH(answers_of("{\"id\": \"a\", \"prompt\": \"How old?\", \"response\": \"2\"}\n"
                               "{\"id\": \"a\", \"prompt\": \"How far?\", \"response\": \"2\"}\n"),
                    testing::contains("answers.jsonl:2: \"id\" is that of"));
  // Examples before the question and its layout contradict nothing; one problem is one prompt.
  auto dressed = answers_of(
      "{\"id\": \"a\", \"prompt\": \"Count.\\n\\nQ: How many  pears?\\nA:\", \"response\": \"1\"}\n"
      "{\"prompt\": \"Question: How many pears?\", \"response\": \"2\"}\n");
  CHECK(match_problems(dressed, problems, "here").empty());
  REQUIRE(dressed.size() == 1);
  CHECK(dressed[0].answers.size() == 2);
  // A made-up id is nobody's.
  auto unnamed = answers_of("{\"prompt\": \"How many pears?\", \"response\": \"1\"}\n");
  const std::vector<Example> numbered = {{"prompt-1", "How old?", "9"},
                                         {"a", "How many pears?", "1"}};
  CHECK(match_problems(unnamed, numbered, "here").empty());
  CHECK(unnamed.at(0).example.id == "a");
}

TEST_CASE("Bad rows of answers are refused all at once", "[synthesis]") {
  const testing::TemporaryFolder folder;
  const auto file = folder / "answers.jsonl";
  std::ofstream(file) << "{\"response\": \"five\"}\n{\"id\": 1}\n{\"id\": 1, \"response\": 5}\n"
                         "{\"id\": 1, \"response\": \"x\", \"correct\": 1}\n";
  CHECK_THROWS_WITH(read_answers(file),
                    testing::contains("4 of 4 rows cannot be used") &&
                        testing::contains("answers.jsonl:1: neither \"id\" nor \"prompt\"") &&
                        testing::contains(":2: a row has either \"response\"") &&
                        testing::contains(":3: \"response\" holds number") &&
                        testing::contains(":4: \"correct\" must be true or false"));
}
