// SPDX-License-Identifier: MIT
#include "lldm/render/table.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

using lldm::Align;
using lldm::Table;

namespace {

Table results() {
  return {{{"model", Align::left}, {"superfluous steps"}, {"accuracy"}},
          {{"start", "2.15 [2.02, 2.28]", "0.81"}, {"tuned, monte carlo elbo", "0.44", "0.79"}}};
}

int widest_line(const std::string& text) {
  int width = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    width = std::max(width, lldm::display_width(line));
  return width;
}

}  // namespace

TEST_CASE("text_table aligns names left and numbers right", "[experiment][table]") {
  CHECK(lldm::text_table(results(), 100) ==
        "model                    superfluous steps  accuracy\n"
        "-----------------------  -----------------  --------\n"
        "start                    2.15 [2.02, 2.28]      0.81\n"
        "tuned, monte carlo elbo               0.44      0.79\n");
}

TEST_CASE("text_table wraps headers first, then left-aligned texts", "[experiment][table]") {
  auto table = results();
  table.rows[0][1] = "2.15";
  CHECK(lldm::text_table(table, 46) ==
        "                         superfluous\n"
        "model                          steps  accuracy\n"
        "-----------------------  -----------  --------\n"
        "start                           2.15      0.81\n"
        "tuned, monte carlo elbo         0.44      0.79\n");
  CHECK(lldm::text_table(table, 36) ==
        "               superfluous\n"
        "model                steps  accuracy\n"
        "-------------  -----------  --------\n"
        "start                 2.15      0.81\n"
        "tuned, monte          0.44      0.79\n"
        "carlo elbo\n");
}

TEST_CASE("text_table goes into blocks where nothing else helps", "[experiment][table]") {
  auto table = results();
  table.rows[0][1] = "2.15";
  CHECK(lldm::text_table(table, 19) ==
        "        superfluous\n"
        "model         steps\n"
        "------  -----------\n"
        "start          2.15\n"
        "tuned,         0.44\n"
        "monte\n"
        "carlo\n"
        "elbo\n"
        "\n"
        "model      accuracy\n"
        "---------  --------\n"
        "start          0.81\n"
        "tuned,         0.79\n"
        "monte\n"
        "carlo\n"
        "elbo\n");
}

TEST_CASE("text_table repeats every key column in every block", "[experiment][table]") {
  const lldm::Table table{
      {{"model", lldm::Align::left}, {"run", lldm::Align::left}, {"accuracy"}, {"items"}},
      {{"sft", "a", "0.5", "30"}, {"sft", "b", "0.7", "40"}},
      2};
  CHECK(lldm::text_table(table, 20) ==
        "model  run  accuracy\n"
        "-----  ---  --------\n"
        "sft    a         0.5\n"
        "sft    b         0.7\n"
        "\n"
        "model  run  items\n"
        "-----  ---  -----\n"
        "sft    a       30\n"
        "sft    b       40\n");
}

TEST_CASE("text_table fits every width that its words fit", "[experiment][table]") {
  for (int width = 25; width < 80; ++width)
    CHECK(widest_line(lldm::text_table(results(), width)) <= width);
}

TEST_CASE("text_table shows every cell at any width", "[experiment][table]") {
  for (int width = 1; width < 80; ++width) {
    const auto text = lldm::text_table(results(), width);
    for (const char* word :
         {"start", "tuned,", "carlo", "2.15 [2.02, 2.28]", "0.44", "0.81", "0.79", "accuracy"})
      CHECK(text.find(word) != text.npos);
  }
}

TEST_CASE("text_table of one column or no rows", "[experiment][table]") {
  CHECK(lldm::text_table({{{"name", Align::left}}, {{"a"}}}, 80) == "name\n----\na\n");
  CHECK(lldm::text_table({{{"a"}, {"b"}}, {}}, 80) == "a  b\n-  -\n");
}

TEST_CASE("text_table counts characters, not bytes", "[experiment][table]") {
  CHECK(lldm::text_table({{{"\xce\xb2", Align::left}, {"x"}},
                          {{"\xce\xb1\xcc\x81", "1"}, {"\xe4\xb8\xad", "2"}}},
                         80) == "\xce\xb2   x\n--  -\n\xce\xb1\xcc\x81   1\n\xe4\xb8\xad  2\n");
}

TEST_CASE("markdown_table marks alignment and escapes", "[experiment][table]") {
  CHECK(
      lldm::markdown_table({{{"model", Align::left}, {"a|b"}}, {{"x|y\nz", "1"}, {"w", "22.5"}}}) ==
      "| model     | a\\|b |\n"
      "| --------- | ---: |\n"
      "| x\\|y<br>z |    1 |\n"
      "| w         | 22.5 |\n");
}

TEST_CASE("Tables refuse rows of another length", "[experiment][table]") {
  const Table bad{{{"a"}, {"b"}}, {{"1", "2"}, {"1"}}};
  CHECK_THROWS_WITH(lldm::text_table(bad, 80), "Table: row 1 has 1 cells, there are 2 columns");
  CHECK_THROWS_AS(lldm::markdown_table(bad), lldm::ShapeError);
  CHECK_THROWS_WITH(lldm::markdown_table({}), "Table: it has no columns");
}

TEST_CASE("rounded_text keeps significant digits", "[experiment][table]") {
  CHECK(lldm::rounded_text(0.45) == "0.450");
  CHECK(lldm::rounded_text(12.04) == "12.0");
  CHECK(lldm::rounded_text(9.996) == "10.0");
  CHECK(lldm::rounded_text(0.09996) == "0.100");
  CHECK(lldm::rounded_text(-1234.5) == "-1234");
  CHECK(lldm::rounded_text(0) == "0.00");
  CHECK(lldm::rounded_text(1.23e-7, 2) == "1.2e-07");
  CHECK(lldm::rounded_text(5e8) == "5.00e+08");
  CHECK(lldm::rounded_text(std::nan("")) == "-");
  CHECK(lldm::rounded_text(-INFINITY) == "-inf");
}
