// SPDX-License-Identifier: MIT
// A damaged or malicious tokenizer.json ends in a DataError, never in a crash, a hang or silence.
#include <filesystem>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/small_tokenizer_json.hpp"

using namespace lldm;
using lldm::testing::contains;
using lldm::testing::small_tokenizer_json;

namespace {

void check_refused(const std::string& text, const std::string& what) {
  CHECK_THROWS_AS(TokenizerJson::from_text(text, {}, "t.json"), DataError);
  CHECK_THROWS_WITH(TokenizerJson::from_text(text, {}, "t.json"), contains(what));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("JSON that another parser would wave through is refused", "[tokenizer][tokenizer_json]") {
  const std::string good = small_tokenizer_json().dump();
  CHECK_NOTHROW(TokenizerJson::from_text(good, {}));
  CHECK_NOTHROW(TokenizerJson::from_text(good + " \n", {}));
  check_refused("", "not JSON");
  check_refused(good + "x", "not JSON");
  check_refused("\xEF\xBB\xBF" + good, "byte order mark");
  check_refused(good + std::string(1, '\0'), "NUL byte");
  check_refused(std::string(200000, '['), "nested deeper than 64");
  check_refused(R"({"a":)" + std::string(100, '[') + std::string(100, ']') + "}",
                "nested deeper than 64");
  check_refused(replaced(good, R"("th":256)", R"("th":256,"th":3)"),
                "key \"th\" twice, in \"model.vocab\"");
  check_refused(replaced(good, R"("version":"1.0")", R"("version":"1.0","version":"1.0")"),
                "key \"version\" twice");
  check_refused(replaced(good, R"("th":256)", R"("\ud800":256)"), "not JSON");
  check_refused(replaced(good, R"("th":256)", "\"t\xFF\":256"), "invalid UTF-8");
  check_refused(replaced(good, R"("th":256)", R"("th":1e999)"), "not JSON");
  check_refused(replaced(good, R"("th":256)", R"("th":NaN)"), "not JSON");
  check_refused("// comment\n" + good, "not JSON");
  for (const std::string text : {"null", "[]", "3", "\"x\"", "{}"}) check_refused(text, "t.json: ");
}

// promise 22
TEST_CASE("Every truncation and many single-byte changes end well", "[tokenizer][tokenizer_json]") {
  const std::string good = small_tokenizer_json().dump();
  for (std::size_t length = 0; length < good.size(); length += 7)
    CHECK_THROWS_AS(TokenizerJson::from_text(good.substr(0, length), {}), DataError);
  int taken = 0, refused = 0;
  for (std::size_t at = 0; at < good.size(); at += 5)
    for (const char c : {'0', '"', '{', '\\', '\xFF'}) {
      std::string changed = good;
      changed[at] = c;
      try {
        const auto tokenizer = TokenizerJson::from_text(changed, {});
        (void)tokenizer.decode(tokenizer.encode("the é 12", SpecialText::recognise));
        ++taken;
      } catch (const DataError&) {
        ++refused;
      }
    }
  CHECK(refused > 100);
  CHECK(taken > 10);
}

TEST_CASE("A file that is too large, missing or a folder is refused",
          "[tokenizer][tokenizer_json]") {
  CHECK_THROWS_WITH(TokenizerJson::read("/nonexistent/t.json", {}),
                    "/nonexistent/t.json: no such file");
  CHECK_THROWS_AS(TokenizerJson::read(std::filesystem::temp_directory_path(), {}), DataError);
}

TEST_CASE("Many added tokens with a common start stay fast", "[tokenizer][tokenizer_json]") {
  auto file = small_tokenizer_json();
  for (int i = 0; i < 3000; ++i)
    file["added_tokens"].push_back(
        lldm::testing::added_token(259 + i, std::string(10, 'a') + std::to_string(i) + ">"));
  const auto tokenizer = TokenizerJson::from_text(file.dump(), {});
  const std::string text(100000, 'a');
  CHECK(tokenizer.encode(text, SpecialText::recognise).size() == text.size());
}
