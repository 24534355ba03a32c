// SPDX-License-Identifier: MIT
// Prompts of a task or of a stage as token ids: everything wrong with them at once, before the
// first answer is made.
#pragma once

#include <string>
#include <vector>

#include "lldm/concepts/task.hpp"
#include "lldm/concepts/tokenizer.hpp"
#include "lldm/data/template.hpp"

namespace lldm {

/// What a model is asked.
struct Prompt {
  std::string name;  // "item 3 (gsm8k-test-3, test.jsonl:3)", "prompt 2": how messages call it
  std::string text;
};

/// The prompts of examples: "item N (ID)", with file and line where they have one.
std::vector<Prompt> prompts_of(const std::vector<Example>& examples);
/// The prompts of a list: "prompt N".
std::vector<Prompt> prompts_of(const std::vector<std::string>& texts);

/// What a model and a sampler leave room for.
struct PromptRoom {
  std::int64_t max_length = 0;       // tokens of prompt and answer together
  std::int64_t response_length = 0;  // tokens of the answer
};

/// Token ids of every prompt.  DataError naming the first ten prompts, and the count, that hold
/// what the tokenizer does not know or that leave no room for the answer; `where` begins it.
std::vector<std::vector<std::int64_t>> encode_prompts(const std::vector<Prompt>& prompts,
                                                      const TemplateOptions& prompt_template,
                                                      const Tokenizer& tokenizer,
                                                      const PromptRoom& room,
                                                      const std::string& where);

}  // namespace lldm
