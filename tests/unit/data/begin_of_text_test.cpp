// SPDX-License-Identifier: MIT
#include "data/begin_of_text.hpp"

#include <nlohmann/json.hpp>

#include "lldm/data/inspect.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/small_tokenizer_json.hpp"

using namespace lldm;
using lldm::testing::contains;
using nlohmann::json;

namespace {

/// Bytes with Llama 3's special tokens; `adds`: its post_processor puts <|begin_of_text|> first.
TokenizerJson llama(bool adds) {
  json file = testing::small_tokenizer_json();
  int id = 259;
  for (const char* token : {"<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>",
                            "<|end_header_id|>", "<|eot_id|>"})
    file["added_tokens"].push_back(testing::added_token(id++, token));
  if (adds)
    file["post_processor"] = {
        {"type", "TemplateProcessing"},
        {"single", json::array({{{"SpecialToken", {{"id", "<|begin_of_text|>"}, {"type_id", 0}}}},
                                {{"Sequence", {{"id", "A"}, {"type_id", 0}}}}})},
        {"pair", json::array()},
        {"special_tokens",
         {{"<|begin_of_text|>",
           {{"id", "<|begin_of_text|>"}, {"ids", {259}}, {"tokens", {"<|begin_of_text|>"}}}}}}};
  return TokenizerJson::from_text(file.dump(),
                                  {.special = {.mask = "<|mask|>",
                                               .end_of_text = "<|end_of_text|>",
                                               .begin_of_text = "<|begin_of_text|>"}},
                                  "t.json");
}

}  // namespace

TEST_CASE("A template and a post_processor that both begin a text are told of", "[data][begin]") {
  const TemplateOptions llama3{.type = TemplateType::llama3_chat}, plain;
  const auto both = begin_of_text(llama(true), llama3);
  CHECK(both.id == 259);
  CHECK((both.is_added && both.is_written));
  CHECK_THAT(begin_of_text_note(both),
             contains("the template writes <|begin_of_text|>, and the tokenizer's post_processor "
                      "would add another"));
  CHECK_THAT(begin_of_text_note(begin_of_text(llama(true), plain)),
             contains("puts <|begin_of_text|> before every text, and the template writes none"));
  CHECK(begin_of_text_note(begin_of_text(llama(false), llama3)).empty());
  CHECK(begin_of_text_note(begin_of_text(llama(false), plain)).empty());
  CHECK_FALSE(begin_of_text(llama(true), {.type = TemplateType::chatml}).is_written);
}

TEST_CASE("Texts that begin twice or without their token are counted", "[data][begin]") {
  const auto problem = [](const BeginOfText& begin) {
    BeginOfTextCount count(begin);
    for (const std::vector<std::int64_t>& ids :
         std::vector<std::vector<std::int64_t>>{{7, 1}, {7, 7, 1}, {1}, {}})
      count.add(ids);
    return count.problem();
  };
  CHECK(problem({.id = 7, .token = "<s>", .is_added = true}) ==
        "1 of 4 texts hold <s> (id 7) more than once; 2 of 4 texts begin without <s> (id 7), which "
        "the tokenizer's post_processor puts before every text");
  CHECK(problem({.id = 7, .token = "<s>"}) == "1 of 4 texts hold <s> (id 7) more than once");
  CHECK(problem({}).empty());
}

TEST_CASE("A turn that is closed by the end of the text is closed once", "[data][template]") {
  json file = testing::small_tokenizer_json();
  for (const char* token : {"<|im_start|>", "<|im_end|>", "<|end|>"})
    file["added_tokens"].push_back(
        testing::added_token(258 + static_cast<int>(file["added_tokens"].size()), token));
  const auto response = [&](const std::string& end_of_text, bool closes) {
    const auto tokenizer = TokenizerJson::from_text(
        file.dump(), {.special = {.mask = "<|mask|>", .end_of_text = end_of_text}}, "t.json");
    std::vector<Encoded> rows = {
        encode(render({.type = TemplateType::chatml, .close_turn = closes}, user_prompt("a"), "b"),
               1, tokenizer)};
    fit_to_canvas(rows, std::nullopt, tokenizer);
    return rows.front().response;
  };
  using Ids = std::vector<std::int64_t>;
  CHECK(response("<|im_end|>", true) == Ids{'b', 260});
  CHECK(response("<|im_end|>", false) == Ids{'b', 260});
  CHECK(response("<|end|>", true) == Ids{'b', 260, 261});
}

TEST_CASE("The tags of a thought are the tokens that Qwen3's file has for them",
          "[data][template]") {
  json file = testing::small_tokenizer_json();
  file["added_tokens"].push_back(testing::added_token(259, "<|im_start|>"));
  file["added_tokens"].push_back(testing::added_token(260, "<|im_end|>"));
  file["added_tokens"].push_back(testing::added_token(261, "<think>", false));
  file["added_tokens"].push_back(testing::added_token(262, "</think>", false));
  const auto tokenizer =
      TokenizerJson::from_text(file.dump(), {.special = {.mask = "<|mask|>"}}, "t.json");
  using Ids = std::vector<std::int64_t>;
  const auto thinking =
      encode(render({.type = TemplateType::qwen3_chat}, user_prompt("a"), "<think>b</think>c"), 1,
             tokenizer);
  CHECK(thinking.response == Ids{261, '\n', 'b', '\n', 262, '\n', '\n', 'c', 260});
  const auto closed = encode(
      render({.type = TemplateType::qwen3_chat_no_thinking}, user_prompt("a"), "c"), 1, tokenizer);
  CHECK(closed.response == Ids{'c', 260});
  const Ids tail(closed.prompt.end() - 6, closed.prompt.end());
  CHECK(tail == Ids{261, '\n', '\n', 262, '\n', '\n'});
}

TEST_CASE("describe_rows counts prompts without the token that the tokenizer adds",
          "[data][begin]") {
  const std::vector<PromptRow> rows = {make_prompt_row(1, user_prompt("a"), "b"),
                                       make_prompt_row(2, user_prompt("<|begin_of_text|>"), "b")};
  const TokenizerJson tokenizer = llama(true);
  CHECK_THAT(describe_rows(rows, tokenizer),
             contains("begin of text: 2 of 2 texts begin without <|begin_of_text|> (id 259)"));
  InspectSettings settings;
  settings.prompt_template.type = TemplateType::llama3_chat;
  CHECK(describe_rows(rows, tokenizer, settings).find("begin of text") == std::string::npos);
}
