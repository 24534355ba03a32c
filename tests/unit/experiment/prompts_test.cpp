// SPDX-License-Identifier: MIT
#include "experiment/prompts.hpp"

#include "lldm/errors.hpp"
#include "lldm/tokenizer/words.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

WordsTokenizer words() {
  const std::vector<std::string> texts = {"a b c"};
  return WordsTokenizer::build(texts, {});
}

std::string error_of(const std::vector<Prompt>& prompts, const PromptRoom& room) {
  try {
    static_cast<void>(encode_prompts(prompts, {}, words(), room, "stage \"ev\""));
  } catch (const DataError& error) {
    return error.what();
  }
  return "no error";
}

std::vector<Example> examples(const std::vector<std::string>& prompts) {
  std::vector<Example> list;
  for (const std::string& prompt : prompts)
    list.push_back({"id" + std::to_string(list.size()), prompt, "",
                    "q.jsonl:" + std::to_string(list.size() + 1)});
  return list;
}

}  // namespace

// promise 16
TEST_CASE("Prompts that leave no room are all named before the first answer", "[experiment]") {
  const std::string fits = "a a a a", full = "a a a a a";
  CHECK(error_of(prompts_of(examples({fits, fits})), {6, 2}) == "no error");
  CHECK(error_of(prompts_of(examples({fits, full, fits, full})), {6, 2}) ==
        "stage \"ev\": 2 of 4 prompts are too long: the model takes 6 tokens, 2 of them for the "
        "answer\n  item 2 (id1, q.jsonl:2): 5 tokens\n  item 4 (id3, q.jsonl:4): 5 tokens\n  "
        "shorten them; a smaller [sampler] response_length leaves more room");
  const std::string many = error_of(prompts_of(std::vector<std::string>(13, full)), {6, 2});
  CHECK(many.find("\n  prompt 10: 5 tokens\n  and 3 more\n") != std::string::npos);
  CHECK(many.find("prompt 11") == std::string::npos);
}

TEST_CASE("Words outside the vocabulary are told with the prompt that holds them", "[experiment]") {
  const std::string error =
      error_of(prompts_of(examples({"a", "a zebra", "b", "a a a a lion"})), {4, 2});
  CHECK(error.find("stage \"ev\": 2 of 4 prompts cannot be encoded\n  item 2 (id1, q.jsonl:2): ") ==
        0);
  CHECK(error.find("\"zebra\"") != std::string::npos);
  CHECK(error.find("item 4 (id3, q.jsonl:4): ") != std::string::npos);
  CHECK(error.find("\"lion\"") != std::string::npos);
}
