// SPDX-License-Identifier: MIT
#include "tokenizer/regex_dialect.hpp"

#include <fstream>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "tokenizer/split_regex.hpp"

using namespace lldm;

namespace {

std::string pieces(std::string_view expression, std::string_view text) {
  std::string out;
  for (const auto [begin, end] : SplitRegex(expression).find_all(text))
    out += "[" + std::string(text.substr(begin, end - begin)) + "]";
  return out;
}

}  // namespace

TEST_CASE("Expressions of known tokenizers are taken", "[tokenizer][regex]") {
  const std::string text = "I'll go, they'RE 1234!\n\n  x";
  CHECK(
      pieces(
          R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)",
          text) == "[I]['ll][ go][,][ they]['RE][ ][123][4][!\n\n][ ][ x]");
  CHECK(pieces(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
               text) == "[I]['ll][ go][,][ they]['][RE][ 1234][!][\n\n ][ x]");
  CHECK(
      pieces(
          R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
          "it'S") == "[it]['S]");
}

TEST_CASE("Word characters hold marks, white space does not hold U+180E", "[tokenizer][regex]") {
  CHECK(pieces(R"(\w+)", "e\u0301a\u24B6 _b-c") == "[e\u0301a\u24B6][_b][c]");
  CHECK(pieces(R"(\s)", "\u180E\u0085").size() == 2 + 2);
  CHECK(pieces(R"([\S])", "\u180E ") == "[\u180E]");
  CHECK(pieces(R"(\x41\u0042\x{43})", "ABC") == "[ABC]");
  CHECK(pieces(R"(a{2,3}?|\.|\-|\v)", "aaa.-\v") == "[aa][.][-][\v]");
}

TEST_CASE("Categories hold what Unicode 16 added", "[tokenizer][regex]") {
  CHECK(pieces(R"(\p{Lo}+|\p{Lu}|[\p{M}\p{So}])", "\U00013511\u1C89\u0897\U0001FAE9") ==
        "[\U00013511][\u1C89][\u0897][\U0001FAE9]");
}

TEST_CASE("Empty matches are found once and never loop", "[tokenizer][regex]") {
  CHECK(pieces("x*", "axxé") == "[][xx][]");
  CHECK(pieces("", "é") == "[][]");
}

TEST_CASE("What the engines read differently is refused", "[tokenizer][regex]") {
  for (const std::string bad :
       {"^a",          "a$",      "\\bx",        "\\Bx",         "\\h",
        "\\A",         "\\z",     "\\G",         "\\K",          "\\R",
        "\\X",         "\\W",     "\\D",         "(a)\\1",       "\\k<a>",
        "(?<n>a)",     "(?i)a",   "(?m:a)",      "(?#c)",        "(*UCP)",
        "[[:alpha:]]", "[a-[b]]", "[[a]-z]",     "[a&&]",        "[&&a]",
        "[a[b]",       "[a[]]",   "(?i:[a[b]])", "\\p{Klingon}", "[]a]",
        "[a",          "a{,3}",   "a{2,3}+",     "a{x}",         "{",
        "\\p{Greek",   "\\p{Mn}", "\\p{Cn}",     "\\pL",         "(?i:ss)",
        "(?i:xFi)",    "(?i:é)",  "(?i:[é])",    "(?i:\\p{Lu})", "\\x{110000000}",
        "\\x{zz}",     "\\xFF",   "\\u12",       "a\\",          "\\q",
        "\\é"}) {
    INFO(bad);
    CHECK_THROWS_AS(to_pcre2(bad), DataError);
  }
  CHECK_THROWS_WITH(
      to_pcre2("ab\\b"),
      "the expression uses \"\\b\" at offset 2, which lldm does not read as the reference "
      "does\n  in: ab\\b");
}

TEST_CASE("Classes in classes, intersections and scripts match as the reference does",
          "[tokenizer][regex]") {
  std::ifstream file(std::string(LLDM_SOURCE_DIR) + "/tests/unit/tokenizer/expressions.jsonl");
  int num_rows = 0;
  for (std::string line; std::getline(file, line); ++num_rows) {
    const auto row = nlohmann::json::parse(line);
    INFO(line);
    const std::string text = row.at("text");
    std::vector<std::string> matches;
    for (const auto [begin, end] :
         SplitRegex(row.at("expression").get<std::string>()).find_all(text))
      if (begin != end) matches.push_back(text.substr(begin, end - begin));
    CHECK(matches == row.at("matches").get<std::vector<std::string>>());
  }
  CHECK(num_rows >= 360);
  CHECK_THROWS_AS(to_pcre2(std::string(60000, '[')), DataError);
}

TEST_CASE("Malformed expressions are refused", "[tokenizer][regex]") {
  for (const std::string bad : {"(a", "a)", "*a", "[b-a]", "(?<=a*)b", "\\x{d800}"}) {
    INFO(bad);
    CHECK_THROWS_AS(SplitRegex(bad), DataError);
  }
}

TEST_CASE("An expression that explodes ends with an error", "[tokenizer][regex]") {
  const SplitRegex slow("(a|a)*b|(?:a+)+c");
  CHECK_THROWS_AS(slow.find_all(std::string(200, 'a')), DataError);
}

TEST_CASE("Long runs do not exhaust a stack", "[tokenizer][regex]") {
  const SplitRegex regex(R"([^\r\n\p{L}\p{N}]?+\p{L}+|\s*[\r\n]|\s+(?!\S)|\s+|(?:x|y)+)");
  const std::string letters(1 << 20, 'a'), spaces(1 << 20, ' ');
  CHECK(regex.find_all(letters).size() == 1);
  CHECK(regex.find_all(spaces + "a").size() == 2);
}

TEST_CASE("A literal is found as it stands", "[tokenizer][regex]") {
  const auto found = SplitRegex::literal("a.*[\\é").find_all("xa.*[\\éy a.*");
  REQUIRE(found.size() == 1);
  CHECK(found[0].begin == 1);
  CHECK(found[0].end == 8);
}
