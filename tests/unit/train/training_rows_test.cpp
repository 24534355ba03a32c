// SPDX-License-Identifier: MIT
#include "lldm/train/training_rows.hpp"

#include "support/catch.hpp"

using namespace lldm;

TEST_CASE("totals_of counts texts, prompts and scored tokens, of rows and of pointers to them",
          "[train][training_rows]") {
  const Text three{.prompt = {1}, .response = {2, 3, 4}}, two{.prompt = {1}, .response = {5, 6}};
  const std::vector<TrainingRow> rows = {{.id = 0, .answers = {three, two}},
                                         {.id = 1, .answers = {two, two}}};
  const StepTotals all = totals_of(rows);
  CHECK(all.groups == 2);
  CHECK(all.rows == 4);
  CHECK(all.first_tokens == 5);
  CHECK(all.tokens == 9);
  CHECK(all.micro_batches == 1);
  const std::vector<const TrainingRow*> last = {&rows[1]};
  CHECK(totals_of(last, 3).tokens == 4);
  CHECK(totals_of(last, 3).micro_batches == 3);
}
