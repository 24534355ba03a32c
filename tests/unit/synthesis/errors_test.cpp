// SPDX-License-Identifier: MIT
// What each kind of error makes of chains that are read by hand.
#include <set>

#include "support/catch.hpp"
#include "synthesis/plain_equations.hpp"
#include "synthesis/words.hpp"
#include "synthesis/wrong_chain.hpp"

using namespace lldm;
using namespace lldm::synthesis;

namespace {

std::set<std::string> spoilt(const std::string& prompt, const std::string& text, ErrorKind kind) {
  const std::string annotated = annotate(text);
  const Chain chain = read_chain(prompt, annotated);
  std::set<std::string> texts;
  for (const WrongChain& wrong : spoil(chain, kind)) texts.insert(without_plain(wrong.text));
  return texts;
}

std::string equations(std::string_view text) {
  std::string all;
  for (const auto& equation : find_plain_equations(text))
    all += equation.expression + "=" + equation.result + ";";
  return all;
}

}  // namespace

TEST_CASE("Plain equations are found where they are true and end there", "[synthesis]") {
  CHECK(equations("He has 4,500 x 5 = 22,500 stamps.") == "4500*5=22500;");
  CHECK(equations("so $47 + 38 = 85$, and $85 \\cdot 6 = \\$510$") == "47+38=85;85*6=510;");
  CHECK(equations("In 2 24/2 = 12 of them") == "24/2=12;");
  CHECK(equations("(2 + 3) * 4 = 20") == "(2+3)*4=20;");
  CHECK(equations("4 + 3 = 7 ; 7 - 2 = 5 ; #### 5") == "4+3=7;7-2=5;");
  for (const char* none : {"2 + 2 = 5", "x = 3", "2 + 3 = 5 + 1", "50% of 8 = 4", "3x + 2 = 11",
                           "2 + 3 = 5%", "1/3 = 0.333", "48/2 = <<48/2=24>>24"})
    CHECK(equations(none).empty());
  const std::string text = "3 + 4 = 7 and <<7*2=14>>14 and 14 - 1 = 13";
  CHECK(without_plain(annotate(text)) == text);
  CHECK(annotate(text) != text);
}

TEST_CASE("An error of a plain chain is carried on", "[synthesis]") {
  const std::string prompt = "4 and 3 and 2", text = "4 + 3 = 7\nSo 7 * 2 = 14.\n#### 14";
  CHECK(spoilt(prompt, text, ErrorKind::operation).contains("4 - 3 = 1\nSo 1 * 2 = 2.\n#### 2"));
  CHECK(spoilt(prompt, text, ErrorKind::off_by_one).contains("4 + 3 = 8\nSo 8 * 2 = 16.\n#### 16"));
  CHECK(spoilt(prompt, text, ErrorKind::operand).contains("4 + 2 = 6\nSo 6 * 2 = 12.\n#### 12"));
  CHECK(spoilt(prompt, text, ErrorKind::dropped_step).contains("So 4 * 2 = 8.\n#### 8"));
  CHECK(
      spoilt(prompt, text, ErrorKind::final_answer).contains("4 + 3 = 7\nSo 7 * 2 = 14.\n#### 13"));
  CHECK(spoilt(prompt, text, ErrorKind::swapped_steps) ==
        std::set<std::string>{"So 7 * 2 = 14.\n4 + 3 = 7\n#### 14"});
}

TEST_CASE("A step is swapped with the one before it only where it needs that one", "[synthesis]") {
  CHECK(
      spoilt("4, 3 and 7", "4 + 3 = 7\nSo 7 * 2 = 14.\n#### 14", ErrorKind::swapped_steps).empty());
  CHECK(spoilt("4, 3", "4 + 3 = 7\nAnd 5 * 2 = 10.\n#### 14", ErrorKind::swapped_steps).empty());
}

TEST_CASE("A forgotten carry or borrow is taken over by a later step", "[synthesis]") {
  const std::string tail = "\n#### ";
  CHECK(spoilt("", "47 + 38 = 85\n85 - 1 = 84\n#### 84", ErrorKind::carry_over) ==
        std::set<std::string>{"47 + 38 = 75\n75 - 1 = 74\n#### 74"});
  CHECK(spoilt("", "52 - 38 = 14\n14 + 1 = 15\n#### 15", ErrorKind::carry_over) ==
        std::set<std::string>{"52 - 38 = 24\n24 + 1 = 25\n#### 25"});
  CHECK(spoilt("", "47 * 6 = 282\n282 + 1 = 283\n#### 283", ErrorKind::carry_over) ==
        std::set<std::string>{"47 * 6 = 242\n242 + 1 = 243\n#### 243"});
  CHECK(spoilt("", "1.75 + 1.5 = 3.25\n3.25 * 2 = 6.5\n#### 6.5", ErrorKind::carry_over) ==
        std::set<std::string>{"1.75 + 1.5 = 2.25\n2.25 * 2 = 4.5\n#### 4.5"});
  // Nothing is carried; or nothing takes it over.
  CHECK(spoilt("", "41 + 38 = 79\n79 - 1 = 78\n#### 78", ErrorKind::carry_over).empty());
  CHECK(spoilt("", "47 + 38 = 85\n#### 85", ErrorKind::carry_over).empty());
}

TEST_CASE("Units are those of the same dimension, in the same number", "[synthesis]") {
  const auto texts = spoilt("", "It takes 3 * 2 = 6 minutes.\n#### 6", ErrorKind::unit);
  CHECK(texts.size() == 6);
  CHECK(texts.contains("It takes 3 * 2 = 6 hours.\n#### 6"));
  CHECK(spoilt("", "It takes 1 minute.", ErrorKind::unit).contains("It takes 1 day."));
  CHECK(spoilt("", "She pays 2*3=$<<2*3=6>>6.\n#### 6", ErrorKind::unit) ==
        std::set<std::string>{"She pays 2*3=<<2*3=6>>6 cents.\n#### 6"});
  CHECK(spoilt("", "He has 6 apples and $6.\n#### 6", ErrorKind::unit).empty());
}

TEST_CASE("Names are runs of capitalised words", "[synthesis]") {
  CHECK(find_names(
            "The poet Ed Wood lived in Port Ellery. Therefore Ed Wood is of Bank of England.") ==
        std::vector<std::string>{"Ed Wood", "Port Ellery", "Bank of England"});
  CHECK(places_of("Ed Wood met Ed, not Edna", "Ed") == std::vector<std::size_t>{12});
  CHECK(are_alike("Ann was born in Rome, Bea in Oslo.", "Rome", "Oslo"));
  CHECK_FALSE(are_alike("Ann was born in Rome, Bea in Oslo.", "Rome", "Ann"));
}

TEST_CASE("Errors of statements leave the other steps alone", "[synthesis]") {
  const std::string prompt =
      "Context: Ann was born in Rome. Bea was born in Oslo.\nQuestion: Where was Ann born?";
  const std::string text = "Ann was born in Rome.\nSo it is Rome.\nAnswer: Rome";
  CHECK(spoilt(prompt, text, ErrorKind::swapped_entity) ==
        std::set<std::string>{"Bea was born in Rome.\nSo it is Rome.\nAnswer: Rome",
                              "Ann was born in Oslo.\nSo it is Rome.\nAnswer: Rome"});
  CHECK(spoilt(prompt, text, ErrorKind::negated_premise) ==
        std::set<std::string>{"Ann was not born in Rome.\nSo it is Rome.\nAnswer: Rome"});
  CHECK(spoilt(prompt, text, ErrorKind::unsupported_conclusion) ==
        std::set<std::string>{"Ann was born in Rome.\nSo it is Oslo.\nAnswer: Oslo"});
  CHECK(spoilt("All cats are animals.\nA. yes\nB. no", "All cats are animals.\nAnswer: A",
               ErrorKind::unsupported_conclusion) ==
        std::set<std::string>{"All cats are animals.\nAnswer: B"});
  CHECK(spoilt("q", "No bird is a stone.\nSo a hen is none.\nAnswer: no",
               ErrorKind::negated_premise) ==
        std::set<std::string>{"Every bird is a stone.\nSo a hen is none.\nAnswer: no"});
  CHECK(spoilt("q", "All birds are animals.\nSo a hen is one.\nAnswer: yes",
               ErrorKind::negated_premise) ==
        std::set<std::string>{"No birds are animals.\nSo a hen is one.\nAnswer: yes",
                              "All birds are not animals.\nSo a hen is one.\nAnswer: yes"});
}
