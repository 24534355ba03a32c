// SPDX-License-Identifier: MIT
#include "lldm/tokenizer/free_ids.hpp"

#include <nlohmann/json.hpp>

#include "lldm/tokenizer/tokenizer_json.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/small_tokenizer_json.hpp"

using namespace lldm;
using lldm::testing::contains;
using lldm::testing::small_tokenizer_json;

TEST_CASE("use_of_id tells what texts are written with from what is free",
          "[tokenizer][free_ids]") {
  auto file = small_tokenizer_json();  // 256 "th", 257 "the", 258 "<|mask|>"
  const auto add = [&](int id, const char* text, bool is_special) {
    file["added_tokens"].push_back(lldm::testing::added_token(id, text, is_special));
  };
  add(259, "<|end|>", true);
  add(260, "<think>", false);
  add(261, "<|reserved_0|>", true);
  add(262, "<eos>", true);
  add(263, "<|im_end|>", true);
  const TokenizerJson tokenizer =
      TokenizerJson::from_text(file.dump(), {.special = {.end_of_text = "<|end|>"}}, "test.json");
  CHECK_THAT(use_of_id(tokenizer, 257), contains("\"the\", a token that texts are written with"));
  CHECK_THAT(use_of_id(tokenizer, 'a'), contains("texts are written with"));
  CHECK_THAT(use_of_id(tokenizer, 259), contains("the tokenizer's end_of_text token"));
  CHECK_THAT(use_of_id(tokenizer, 260), contains("<think>"));
  CHECK(use_of_id(tokenizer, 258).empty());
  CHECK(use_of_id(tokenizer, 261).empty());
  CHECK_THAT(use_of_id(tokenizer, 262), contains("by its name the token of end of text"));
  CHECK_THAT(use_of_id(tokenizer, 263), contains("by its name the token of end of turn"));
  CHECK(use_of_id(tokenizer, 264).empty());
  CHECK(reserved_ids(tokenizer, 1) == std::vector<std::int64_t>{261});
  CHECK(reserved_ids(tokenizer, 9) == std::vector<std::int64_t>{261, 258});
}
