// SPDX-License-Identifier: MIT
#include "lldm/data/inspect.hpp"

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/toy_tokenizer.hpp"

using namespace lldm;
using testing::contains;

namespace {

const testing::ToyTokenizer kTokenizer;

// A tokenizer that cannot express "?".
class Refusing final : public Tokenizer {
 public:
  std::vector<std::int64_t> encode(std::string_view text, SpecialText special) const override {
    if (text.find('?') != std::string_view::npos) throw DataError("no token for \"?\"");
    return toy_.encode(text, special);
  }
  std::string decode(std::span<const std::int64_t> ids, bool skip) const override {
    return toy_.decode(ids, skip);
  }
  std::int64_t vocabulary_size() const override { return toy_.vocabulary_size(); }
  const SpecialTokens& special() const override { return toy_.special(); }
  std::string_view type() const override { return "refusing"; }
  void save(const std::filesystem::path& folder) const override { toy_.save(folder); }
  std::string fingerprint() const override { return "refusing"; }

 private:
  testing::ToyTokenizer toy_;
};

std::vector<PromptRow> prompt_rows() {
  return {
      make_prompt_row(1, user_prompt("ab"), "c\n"), make_prompt_row(2, user_prompt("ab"), "cdef"),
      make_prompt_row(3, user_prompt("ab"), "c\n"), make_prompt_row(4, user_prompt("x"), "why?")};
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t n = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

}  // namespace

TEST_CASE("describe_rows shows texts, tokens, parts and the loss mask", "[data][inspect]") {
  InspectSettings settings;
  settings.num_rows = 1, settings.noise_time = 1;
  const auto text = describe_rows(prompt_rows(), kTokenizer, settings);
  CHECK_THAT(text, contains("row 1  (content ") &&
                       contains("  prompt \"ab\"\n  response \"c\\n\"\n") &&
                       contains("  response: 5 tokens, 2 of the prompt, 3 in the loss\n"));
  CHECK_THAT(text, contains("           0      97  prompt    -     .       \"a\"\n"));
  CHECK_THAT(text, contains("           3      10  response  yes   mask    \"\\n\"\n"));
  CHECK_THAT(text, contains("           4     257  response  yes   mask    \"<|endoftext|>\"\n"));
  CHECK(count(text, "row 2 ") == 0);
}

TEST_CASE("describe_rows draws the noised copy at its time, the same at every call",
          "[data][inspect]") {
  const std::vector<TextRow> rows = {make_text_row(1, std::string(400, 'x'))};
  InspectSettings settings;
  settings.num_tokens = 400;
  for (const double time : {0.0, 0.25, 1.0}) {
    settings.noise_time = time;
    const auto text = describe_rows(rows, kTokenizer, settings);
    CHECK(static_cast<double>(count(text, "mask ")) ==
          Approx(400 * time).margin(time == 0.25 ? 40 : 0));
    CHECK(text == describe_rows(rows, kTokenizer, settings));
  }
  settings.noise_time = 0.5;
  const auto one = describe_rows(rows, kTokenizer, settings);
  settings.seed = 1;
  CHECK(one != describe_rows(rows, kTokenizer, settings));
}

TEST_CASE("describe_rows counts lengths, duplicates and what does not fit", "[data][inspect]") {
  InspectSettings settings;
  settings.num_rows = 2, settings.response_length = 3;
  const auto text = describe_rows(prompt_rows(), Refusing(), settings);
  CHECK_THAT(text, contains("response does not fit response_length = 3"));
  CHECK_THAT(text, contains("4 rows; tokens, end-of-text included\n"
                            "                 min  median     p95     max\n"
                            "  response         3       3       5       5\n"
                            "  total            5       5       7       7\n"
                            "  prompt           2       2       2       2\n"
                            "  rows that repeat an earlier row: 1\n"
                            "  prompts that repeat an earlier prompt: 2\n"
                            "  answers that do not fit response_length = 3: 1\n"
                            "  rows that cannot be encoded: 1\n"
                            "    row 4: no token for \\\"?\\\"\n"));
}

TEST_CASE("describe_rows shows both answers of a preference row", "[data][inspect]") {
  InspectSettings settings;
  settings.prompt_template.type = TemplateType::llada_chat;
  const auto text = describe_rows(
      std::vector{make_preference_row(9, user_prompt("p"), "good", "bad")}, kTokenizer, settings);
  CHECK_THAT(text, contains("  chosen \"good<|eot_id|>\"\n  rejected \"bad<|eot_id|>\"\n") &&
                       contains("  chosen: ") && contains("  rejected: "));
  CHECK_THAT(text, contains("\"<|start_header_id|>\""));
}

TEST_CASE("Long texts are cut in the display, and it says so", "[data][inspect]") {
  InspectSettings settings;
  settings.num_tokens = 10;
  CHECK_THAT(
      describe_rows(std::vector{make_text_row(1, std::string(25, 'x'))}, kTokenizer, settings),
      contains("    ... and 15 more tokens\n"));
}

TEST_CASE("Impossible inspections are refused", "[data][inspect]") {
  InspectSettings settings;
  settings.noise_time = 2;
  CHECK_THROWS_AS(describe_rows(prompt_rows(), kTokenizer, settings), ConfigError);
}

TEST_CASE("escape_text keeps text on one line", "[data][inspect]") {
  CHECK(escape_text("a\n\t\"\\\x01 \xC3\xA9 \xFF") == "a\\n\\t\\\"\\\\\\x01 \xC3\xA9 \\xff");
}
