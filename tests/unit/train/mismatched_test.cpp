// SPDX-License-Identifier: MIT
#include "train/mismatched.hpp"

#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using testing::contains;

namespace {

/// A labelled answer to the prompt of this number.
TrainingRow answer(std::int64_t prompt, bool is_wanted) {
  return {0, {Text{{prompt}, {1, 2}, -1}}, is_wanted};
}

std::string problem_of(const std::vector<TrainingRow>& rows, std::int64_t rows_per_step = 4) {
  return mismatched_problem(
      rows, RowOrder(Draws(3, "x"), static_cast<std::int64_t>(rows.size()), rows_per_step),
      rows_per_step);
}

}  // namespace

TEST_CASE("A mismatched answer is that of the row before with another prompt; of pairs, behind",
          "[train][mismatched]") {
  std::vector<TrainingRow> rows = {answer(0, true), answer(1, true), answer(1, false),
                                   answer(2, true)};
  CHECK(mismatched_row(rows, 0) == 3);
  CHECK(mismatched_row(rows, 1) == 0);
  CHECK(mismatched_row(rows, 2) == 0);
  CHECK(mismatched_row(rows, 3) == 2);
  for (TrainingRow& row : rows) row.wanted.reset();
  CHECK(mismatched_row(rows, 1) == 3);
  const std::vector<TrainingRow> one_prompt = {answer(5, true), answer(5, false)};
  CHECK(mismatched_row(one_prompt, 1) == 1);
}

TEST_CASE("Pairs one behind the other give a baseline of unwanted answers alone, which is told",
          "[train][mismatched]") {
  std::vector<TrainingRow> rows;
  for (std::int64_t prompt = 0; prompt < 40; ++prompt)
    for (const bool wanted : {true, false}) rows.push_back(answer(prompt, wanted));
  CHECK_THAT(problem_of(rows),
             contains("0 % of the mismatched answers are wanted ones, of all answers 50 %") &&
                 contains("lldm data convert --to unpaired"));
  std::vector<TrainingRow> shuffled;
  for (const std::int64_t row :
       Draws(1, "shuffle").stream(Purpose::order).permutation(static_cast<std::int64_t>(80)))
    shuffled.push_back(rows[static_cast<std::size_t>(row)]);
  CHECK(problem_of(shuffled).empty());
  for (TrainingRow& row : rows) row.wanted.reset();
  CHECK(problem_of(rows).empty());
}

TEST_CASE("Rows that stand by prompt share one mismatched answer, which is told",
          "[train][mismatched]") {
  std::vector<TrainingRow> rows;
  for (std::int64_t prompt = 0; prompt < 10; ++prompt)
    for (int i = 0; i < 6; ++i) rows.push_back(answer(prompt, i % 2 == 0));
  CHECK_THAT(problem_of(rows), contains("60 prompts are scored with 10 mismatched answers"));
}

TEST_CASE("Steps whose mismatched answers are all to one prompt are told", "[train][mismatched]") {
  std::vector<TrainingRow> rows;
  for (int i = 0; i < 40; ++i) rows.push_back(answer(i % 20 == 0 ? 1 : 0, i % 3 == 0));
  CHECK_THAT(problem_of(rows), contains("steps all mismatched answers are to one prompt"));
}

TEST_CASE("a prompt that is too long with another row's answer is named before the first step",
          "[train][mismatched]") {
  const auto row = [](std::uint64_t id, std::int64_t prompt, std::size_t answer) {
    TrainingRow made{.id = id, .answers = {}, .wanted = true};
    made.answers.push_back(
        {.prompt = std::vector<std::int64_t>(static_cast<std::size_t>(prompt), prompt),
         .response = std::vector<std::int64_t>(answer, 1)});
    return made;
  };
  const std::vector<TrainingRow> rows{row(1, 8, 2), row(2, 3, 7), row(3, 4, 1)};
  ScoreLabels labels;
  labels.row = [](std::uint64_t id) { return "rows.jsonl:" + std::to_string(id); };
  // Row 1 has the answer of row 3, row 2 that of row 1, row 3 that of row 2.
  CHECK(mismatched_too_long(rows, labels, 11).empty());
  CHECK_THAT(mismatched_too_long(rows, labels, 10),
             contains("rows.jsonl:3: 11 tokens (prompt 4, the answer of rows.jsonl:2 7)"));
  CHECK_THAT(mismatched_too_long(rows, labels, 10), contains("kl = \"none\""));
}
