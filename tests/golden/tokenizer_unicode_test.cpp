// SPDX-License-Identifier: MIT
// golden/tokenizer/unicode_classes.json: letters, numbers, white space, case folding and NFC as the
// reference's regular-expression engine and normalizer see them.
#include <utf8proc.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "lldm/text/utf8.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/split_regex.hpp"

using namespace lldm;
using nlohmann::json;

namespace {

json classes() {
  std::ifstream file(testing::golden_root() / "tokenizer/unicode_classes.json");
  REQUIRE(file);
  json all = json::parse(file);
  const std::set<std::string> known = {"note",       "L",       "N", "s", "case_insensitive_sdmt",
                                       "nfc_single", "nfc_pair"};
  for (const auto& [key, unused] : all.items()) CHECK(known.contains(key));
  return all;
}

/// Every Unicode scalar value that the expression matches.
std::set<char32_t> matched(std::string_view expression) {
  const SplitRegex regex(expression);
  std::set<char32_t> all;
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    if (!regex.find_all(text).empty()) all.insert(c);
  }
  return all;
}

std::set<char32_t> from_ranges(const json& ranges) {
  std::set<char32_t> all;
  for (const json& range : ranges)
    for (char32_t c = range[0]; c <= range[1].get<char32_t>(); ++c) all.insert(c);
  return all;
}

std::string to_text(const json& code_points) {
  std::string text;
  for (const json& c : code_points) append_utf8(text, c.get<char32_t>());
  return text;
}

}  // namespace

TEST_CASE("Letters, numbers and white space are the reference's", "[golden][tokenizer]") {
  const json all = classes();
  for (const auto& [key, expression] :
       {std::pair{"L", "\\p{L}"}, std::pair{"N", "\\p{N}"}, std::pair{"s", "\\s"}}) {
    const auto want = from_ranges(all.at(key));
    INFO(expression);
    CHECK(matched(expression) == want);
    CHECK(matched(std::string("[") + expression + "]") == want);
    CHECK(matched(std::string("[^") + expression + "]").size() == 0x110000 - 0x800 - want.size());
    std::printf("tokenizer/unicode_classes %s: %zu code points, none skipped\n", expression,
                want.size());
  }
  CHECK(matched("\\P{L}").size() == 0x110000 - 0x800 - matched("\\p{L}").size());
  CHECK(matched("\\S").size() == 0x110000 - 0x800 - matched("\\s").size());
  CHECK(matched("[\\S]") == matched("\\S"));
}

TEST_CASE("Case-insensitive classes take what the reference takes", "[golden][tokenizer]") {
  std::set<char32_t> want;
  const json all = classes();
  for (const json& c : all.at("case_insensitive_sdmt")) want.insert(c.get<char32_t>());
  CHECK(matched("(?i:[sdmt])") == want);
}

TEST_CASE("NFC gives the reference's results", "[golden][tokenizer]") {
  const json all = classes();
  std::size_t checked = 0, skipped = 0;
  const auto check = [&](const json& from, const json& want) {
    for (const json& c : from)
      if (utf8proc_category(c.get<std::int32_t>()) == UTF8PROC_CATEGORY_CN) {
        std::printf(
            "tokenizer/unicode_classes NFC: U+%04X skipped, unknown to Unicode %s of utf8proc\n",
            c.get<unsigned>(), utf8proc_unicode_version());
        ++skipped;
        return;
      }
    INFO(from.dump());
    CHECK(normal_form(to_text(from), NormalForm::nfc) == to_text(want));
    ++checked;
  };
  for (const json& row : all.at("nfc_single")) check(json::array({row[0]}), row[1]);
  for (const json& row : all.at("nfc_pair")) check(json::array({row[0], row[1]}), row[2]);
  CHECK(checked + skipped == all["nfc_single"].size() + all["nfc_pair"].size());
  CHECK(skipped < 40);
  std::printf("tokenizer/unicode_classes NFC: %zu checked, %zu skipped\n", checked, skipped);
}
