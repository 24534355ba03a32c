// SPDX-License-Identifier: MIT
#include "stage/long_rows.hpp"

#include <memory>

#include "lldm/errors.hpp"
#include "lldm/tokenizer/load.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/merging_tokenizer.hpp"

using namespace lldm;

namespace {

std::shared_ptr<const Tokenizer> bytes() {
  TokenizerOptions options;
  options.type = TokenizerType::bytes;
  return make_tokenizer(options, {});
}

SourceRow row_of(const std::string& prompt, std::vector<std::string> answers) {
  SourceRow row{
      .id = 1, .prompt = {}, .messages = user_prompt(prompt), .answers = std::move(answers)};
  row.place = "rows.jsonl:1";
  return row;
}

std::vector<std::int64_t> repeated(std::size_t count, std::int64_t id) {
  return std::vector<std::int64_t>(count, id);
}

/// One row of these many prompt and answer tokens, treated.
struct Treated {
  std::vector<SourceRow> sources;
  std::vector<EncodedRow> rows;
  LongRowCounts counts;
};
Treated treated(std::size_t prompt, const std::vector<std::size_t>& answers,
                const CanvasRule& rule) {
  Treated all;
  all.sources.push_back(row_of("p", std::vector<std::string>(answers.size(), "a")));
  EncodedRow row;
  for (std::size_t a = 0; a < answers.size(); ++a) {
    Encoded encoded{
        .row = 1, .prompt = {}, .response = repeated(answers[a], static_cast<std::int64_t>(a))};
    for (std::size_t i = 0; i < prompt; ++i) encoded.prompt.push_back(static_cast<std::int64_t>(i));
    row.push_back(std::move(encoded));
  }
  all.rows.push_back(std::move(row));
  all.counts = treat_long_rows(all.sources, all.rows, rule);
  return all;
}

constexpr std::int64_t kLength = 10;  // of the model

CanvasRule rule_of(LongRows treatment) {
  CanvasRule rule;
  rule.long_rows = treatment;
  rule.max_length = kLength;
  return rule;
}

}  // namespace

// promise 16
TEST_CASE("A row of the model's length fits; one token more is treated", "[stage][long_rows]") {
  for (const LongRows treatment :
       {LongRows::drop, LongRows::truncate_prompt_left, LongRows::truncate_response_right}) {
    INFO(to_string(treatment));
    for (const std::size_t answer : {4U, 5U}) {  // and one end-of-text: L - 1, L
      const Treated fits = treated(4, {answer}, rule_of(treatment));
      CHECK(!fits.counts.is_any());
      CHECK(fits.rows.at(0).at(0).response.size() == answer);
      CHECK(fits.rows.at(0).at(0).prompt.size() == 4);
    }
    const Treated over = treated(4, {6}, rule_of(treatment));  // L + 1
    CHECK(over.counts.is_any());
    CHECK(over.counts.dropped == (treatment == LongRows::drop ? 1 : 0));
    CHECK(over.rows.size() == (treatment == LongRows::drop ? 0U : 1U));
    CHECK(over.sources.size() == over.rows.size());
  }
  const Treated kept = treated(4, {6}, rule_of(LongRows::error));
  CHECK(!kept.counts.is_any());
  CHECK(kept.rows.at(0).at(0).response.size() == 6);
}

// promise 16
TEST_CASE("truncate_prompt_left keeps the prompt's end, alike for both answers",
          "[stage][long_rows]") {
  const Treated cut = treated(8, {3, 5}, rule_of(LongRows::truncate_prompt_left));
  REQUIRE(cut.rows.size() == 1);
  CHECK(cut.counts.cut == 1);
  for (const Encoded& answer : cut.rows[0])
    CHECK(answer.prompt == std::vector<std::int64_t>{4, 5, 6, 7});
  CHECK(cut.rows[0][0].response.size() == 3);
  CHECK(cut.rows[0][1].response.size() == 5);
  // An answer that leaves no room for a token of the prompt.
  CHECK(treated(8, {9}, rule_of(LongRows::truncate_prompt_left)).counts.dropped == 1);
  CHECK(treated(8, {8}, rule_of(LongRows::truncate_prompt_left)).counts.cut == 1);
}

// promise 16
TEST_CASE("truncate_response_right keeps room for the end-of-text, and drops what keeps no token",
          "[stage][long_rows]") {
  const Treated cut = treated(6, {20, 2}, rule_of(LongRows::truncate_response_right));
  REQUIRE(cut.rows.size() == 1);
  CHECK(cut.rows[0][0].response.size() == 3);  // 6 + 3 + 1
  CHECK(cut.rows[0][1].response.size() == 2);
  CHECK(treated(8, {5}, rule_of(LongRows::truncate_response_right))
            .rows.at(0)
            .at(0)
            .response.size() == 1);
  // The prompt alone is as long as the model: no token of the answer is left to train on.
  for (const std::size_t prompt : {9U, 10U, 11U})
    CHECK(treated(prompt, {5}, rule_of(LongRows::truncate_response_right)).counts.dropped == 1);
}

TEST_CASE("Answers that are alike once cut are left out", "[stage][long_rows]") {
  Treated all;
  all.sources.push_back(row_of("p", {"a", "b"}));
  Encoded first{.row = 1, .prompt = repeated(7, 1), .response = {5, 5, 5, 5}},
      second{.row = 1, .prompt = repeated(7, 1), .response = {5, 5, 6, 6}};
  all.rows.push_back({first, second});
  const LongRowCounts counts =
      treat_long_rows(all.sources, all.rows, rule_of(LongRows::truncate_response_right));
  CHECK(counts.dropped == 1);
  CHECK(counts.text() == "0 of 1 rows are cut and 1 left out: rows.jsonl:1");
}

TEST_CASE("The canvas is a limit too", "[stage][long_rows]") {
  CanvasRule rule = rule_of(LongRows::truncate_response_right);
  rule.length = 4;
  CHECK(treated(2, {9}, rule).rows.at(0).at(0).response.size() == 3);
  CHECK(treated(6, {3}, rule).counts.is_any() == false);
  CHECK(treated(7, {3}, rule).counts.dropped == 1);  // 7 + 4 tokens of canvas
  rule.padding = ScorePadding::hide;                 // padding is not there: 7 + 1 + 1
  CHECK(!treated(7, {1}, rule).counts.is_any());
}

TEST_CASE("A text loses its end alone", "[stage][long_rows]") {
  CanvasRule rule = rule_of(LongRows::truncate_response_right);
  rule.is_plain_text = true;
  const Treated cut = treated(0, {25}, rule);
  CHECK(cut.rows.at(0).at(0).response.size() == 10);
  CHECK(!treated(0, {10}, rule).counts.is_any());
}

// End-of-text padding: trained on, visible and not scored, or not there.
TEST_CASE(
    "score_padding: include scores the canvas, exclude the first end-of-text, hide has no more",
    "[stage][score_padding]") {
  const auto tokenizer = bytes();
  const std::int64_t end = tokenizer->special().end_of_text;
  const std::vector<SourceRow> rows = {row_of("p", {"abc", "d"})};
  CanvasRule rule;
  rule.length = 6;
  const auto encoded = [&](ScorePadding padding) {
    rule.padding = padding;
    return encode_rows(rows, *tokenizer, {}, rule).at(0).answers;
  };
  const auto include = encoded(ScorePadding::include), exclude = encoded(ScorePadding::exclude),
             hide = encoded(ScorePadding::hide);
  for (std::size_t a = 0; a < 2; ++a) {
    const std::size_t own = a == 0 ? 3 : 1;
    CHECK(include[a].response.size() == 6);
    CHECK(include[a].num_scored() == 6);
    CHECK(exclude[a].response == include[a].response);
    CHECK(exclude[a].num_scored() == static_cast<std::int64_t>(own) + 1);
    CHECK(hide[a].response.size() == own + 1);
    CHECK(hide[a].num_scored() == static_cast<std::int64_t>(own) + 1);
    CHECK(hide[a].response.back() == end);
    CHECK(
        std::equal(hide[a].response.begin(), hide[a].response.end(), include[a].response.begin()));
  }
  rule.length = std::nullopt;
  rule.padding = ScorePadding::include;
  const auto own = encode_rows(rows, *tokenizer, {}, rule).at(0).answers;
  for (std::size_t a = 0; a < 2; ++a) CHECK(own[a].response == hide[a].response);
}

// promise 17
TEST_CASE("prompt_boundary = prefix refuses a token across the border", "[stage][boundary]") {
  const testing::Merging merging;  // "ab" is one token
  CanvasRule rule;
  rule.boundary = PromptBoundary::prefix;
  const std::vector<SourceRow> joined = {row_of("xa", {"bx"})};
  CHECK_THROWS_WITH(encode_rows(joined, merging, {}, rule),
                    testing::contains("rows.jsonl:1: a token spans the border"));
  TemplateOptions apart;
  apart.separator = " ";
  CHECK_NOTHROW(encode_rows(joined, merging, apart, rule));
  rule.boundary = PromptBoundary::separate;
  CHECK_NOTHROW(encode_rows(joined, merging, {}, rule));
}
