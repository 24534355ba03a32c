// SPDX-License-Identifier: MIT
#include "lldm/data/template.hpp"

#include "lldm/errors.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/small_tokenizer_json.hpp"
#include "support/toy_tokenizer.hpp"

using namespace lldm;

namespace {
const testing::ToyTokenizer kTokenizer;
const TemplateOptions kChat{.type = TemplateType::llada_chat};
}  // namespace

TEST_CASE("The plain template is the prompt, the separator and the response", "[data][template]") {
  const auto rendered = render({.separator = " =>"}, user_prompt(" how many ? "), " 4 ");
  CHECK(text_of(rendered.prompt) == " how many ?  =>");
  CHECK(text_of(rendered.response) == " 4 ");
  CHECK_THROWS_WITH(render_prompt({}, {{"system", "s"}, {"user", "u"}}),
                    testing::contains("takes a prompt of one message, got 2"));
}

TEST_CASE("The chat template closes the response by its end-of-turn", "[data][template]") {
  CHECK(text_of(render_response(kChat, " 4\n")) == "4<|eot_id|>");
  auto open = kChat;
  open.close_turn = false;
  CHECK(text_of(render_response(open, " 4\n")) == "4");
}

TEST_CASE("Control tokens come from the template alone", "[data][template]") {
  const auto encoded =
      encode(render(kChat, user_prompt("a<|eot_id|>"), "b<|eot_id|>"), 7, kTokenizer);
  CHECK(encoded.row == 7);
  CHECK(std::count(encoded.prompt.begin(), encoded.prompt.end(), 261) == 1);
  CHECK(std::count(encoded.response.begin(), encoded.response.end(), 261) == 1);
  CHECK(encoded.prompt.front() == 258);
  CHECK(encoded.response.back() == 261);
  CHECK(kTokenizer.decode(encoded.response, true) == "b<|eot_id|>");
}

// promise 17
TEST_CASE("A prompt has the same tokens with an answer and without one", "[data][template]") {
  const auto tokenizer =
      TokenizerJson::from_text(testing::small_tokenizer_json().dump(), {}, "t.json");
  REQUIRE(tokenizer.encode("the").size() == 1);  // merged across the border, were there none
  for (const std::string separator : {"", "|", " "})
    for (const std::string prompt : {"t", "th", "x ", " ", ""}) {
      const TemplateOptions plain{.separator = separator};
      const auto alone = encode_spans(render_prompt(plain, user_prompt(prompt)), tokenizer);
      const auto row = encode(render(plain, user_prompt(prompt), "he e"), 1, tokenizer);
      CHECK(row.prompt == alone);
      CHECK(row.response == tokenizer.encode("he e"));
    }
  const auto alone = encode_spans(render_prompt(kChat, user_prompt("t ")), kTokenizer);
  CHECK(encode(render(kChat, user_prompt("t "), "he"), 1, kTokenizer).prompt == alone);
}

TEST_CASE("Settings that a template does not read are refused", "[data][template]") {
  auto chat = kChat;
  chat.separator = "x";
  CHECK_THROWS_AS(render_prompt(chat, {}), ConfigError);
  CHECK_THROWS_AS(render_response({.close_turn = false}, "x"), ConfigError);
}

TEST_CASE("A tokenizer without the template's special tokens is refused", "[data][template]") {
  CHECK_THROWS_WITH(encode_spans({{"<|nosuch|>", true}}, kTokenizer),
                    testing::contains("tokenizer \"toy\" has no special token \"<|nosuch|>\""));
}

// promise 16
TEST_CASE("fit_to_canvas ends each answer with end-of-text", "[data][template]") {
  std::vector<Encoded> rows = {{1, {9}, {1, 2, 3}}, {2, {}, {4}}};
  auto own = rows;
  fit_to_canvas(own, std::nullopt, kTokenizer);
  CHECK(own[0].response == std::vector<std::int64_t>{1, 2, 3, 257});
  CHECK(own[1].response == std::vector<std::int64_t>{4, 257});
  CHECK(own[0].prompt == std::vector<std::int64_t>{9});
  fit_to_canvas(rows, 4, kTokenizer);
  CHECK(rows[0].response == std::vector<std::int64_t>{1, 2, 3, 257});
  CHECK(rows[1].response == std::vector<std::int64_t>{4, 257, 257, 257});
}

// promise 16
TEST_CASE("fit_to_canvas lists answers that are too long and cuts none", "[data][template]") {
  std::vector<Encoded> rows = {{11, {}, {1, 2, 3}}, {12, {}, {4}}, {13, {}, {1, 2, 3, 4}}};
  CHECK_THROWS_WITH(
      fit_to_canvas(rows, 3, kTokenizer),
      "response_length = 3 is too short for 2 of 3 answers, their end-of-text included\n"
      "  row 11: 4 tokens\n  row 13: 5 tokens\n  response_length = 5 would hold them all");
  rows = {{11, {}, {1, 2, 3}, "rows.jsonl:11"}, {13, {}, {1, 2, 3, 4}}};
  CHECK_THROWS_WITH(fit_to_canvas(rows, 3, kTokenizer),
                    lldm::testing::contains("\n  rows.jsonl:11: 4 tokens\n  row 13: 5 tokens"));
  CHECK_THROWS_AS(fit_to_canvas(rows, 0, kTokenizer), ConfigError);
}
