// SPDX-License-Identifier: MIT
#include "lldm/text/utf8.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using namespace lldm;
using lldm::testing::contains;
using namespace std::string_literals;

TEST_CASE("UTF-8 repair replaces every maximal ill-formed piece once", "[text][utf8]") {
  const std::string r = "\xEF\xBF\xBD";
  CHECK(to_valid_utf8("plain é 你 😀") == "plain é 你 😀");
  CHECK(to_valid_utf8("\xFF") == r);
  CHECK(to_valid_utf8("\xE4\xBD") == r);  // cut in the middle of a character
  CHECK(to_valid_utf8("\xE4\xBD"
                      "a") == r + "a");
  CHECK(to_valid_utf8("\xF0\x9F\x98") == r);
  CHECK(to_valid_utf8("\xC0\xAF") == r + r);                  // overlong
  CHECK(to_valid_utf8("\xE0\x80\x80") == r + r + r);          // overlong
  CHECK(to_valid_utf8("\xED\xA0\x80") == r + r + r);          // surrogate
  CHECK(to_valid_utf8("\xF4\x90\x80\x80") == r + r + r + r);  // above U+10FFFF
  // Unicode 16, table 3-11.
  CHECK(to_valid_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41") == r + r + r + r + "A");
}

TEST_CASE("UTF-8 checks name the first bad byte", "[text][utf8]") {
  CHECK_NOTHROW(require_utf8("", "here"));
  CHECK_NOTHROW(require_utf8("a\0b\xF4\x8F\xBF\xBF"s, "here"));
  CHECK_THROWS_WITH(require_utf8("ab\xED\xA0\x80", "here"),
                    "here: the text is not valid UTF-8\n  byte 237 at offset 2, in: "
                    "\"ab\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  for (const std::string bad :
       {"\x80", "\xC1\x81", "\xC3", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF", "\xF5"})
    CHECK_THROWS_AS(require_utf8(bad, "here"), DataError);
}

TEST_CASE("Every scalar value survives writing and reading", "[text][utf8]") {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string text;
    append_utf8(text, c);
    const CodePoint read = code_point_at(text, 0);
    if (read.value != c || read.length != text.size() || to_valid_utf8(text) != text)
      FAIL("code point " << static_cast<unsigned>(c));
  }
}

TEST_CASE("An excerpt is short, valid and shows the place", "[text][utf8]") {
  CHECK(excerpt("short\n", 0) == "\"short\\n\"");
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "é";
  text += "HERE";
  for (int i = 0; i < 1000; ++i) text += "ü";
  const std::string shown = excerpt(text, 2000, 40);
  CHECK(shown.size() < 60);
  CHECK_THAT(shown, contains("HERE"));
  CHECK_NOTHROW(require_utf8(shown, "excerpt"));
}

TEST_CASE("find_invalid_utf8 accepts every length of well-formed UTF-8", "[text][utf8]") {
  CHECK_FALSE(find_invalid_utf8(""));
  CHECK_FALSE(find_invalid_utf8("plain"));
  CHECK_FALSE(find_invalid_utf8(
      "\xC2\x80 \xE0\xA0\x80 \xED\x9F\xBF \xEF\xBF\xBF \xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));
}

TEST_CASE("find_invalid_utf8 points at the first bad byte", "[text][utf8]") {
  CHECK(find_invalid_utf8("ab\xFF") == 2);
  CHECK(find_invalid_utf8("\x80") == 0);
  CHECK(find_invalid_utf8("a\xC0\x80") == 1);         // overlong
  CHECK(find_invalid_utf8("a\xE0\x9F\x80") == 1);     // overlong
  CHECK(find_invalid_utf8("\xED\xA0\x80") == 0);      // surrogate
  CHECK(find_invalid_utf8("\xF4\x90\x80\x80") == 0);  // above U+10FFFF
  CHECK(find_invalid_utf8("x\xE2\x82") == 1);         // cut short
  CHECK(find_invalid_utf8("x\xF0\x9F\x98") == 1);     // cut short
}

TEST_CASE("Characters are counted, measured and found by their starts", "[text][utf8]") {
  const std::string text = "a\u00e9\u4f60\U0001F600";  // 1, 2, 3 and 4 bytes
  CHECK(count_characters(text) == 4);
  CHECK(count_characters("\xFF\xE4\xBD"
                         "a") == 4);  // every ill-formed byte
  const std::size_t starts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6};
  for (std::size_t at = 0; at < text.size(); ++at) CHECK(character_start(text, at) == starts[at]);
  CHECK(character_start("\x80\x80\x80\x80\x80", 4) == 1);
  CHECK(column_width(U'a') == 1);
  CHECK(column_width(U'\u0301') == 0);  // a combining accent
  CHECK(column_width(U'\u4f60') == 2);
  CHECK(column_width(U'\U0001F600') == 2);
}
