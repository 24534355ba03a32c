// SPDX-License-Identifier: MIT
#include "experiment/prompts.hpp"

#include "experiment/row_faults.hpp"
#include "lldm/errors.hpp"

namespace lldm {

std::vector<Prompt> prompts_of(const std::vector<Example>& examples) {
  std::vector<Prompt> prompts;
  for (const Example& example : examples)
    prompts.push_back({message("item ", prompts.size() + 1, " (", example.id,
                               example.place.empty() ? "" : ", ", example.place, ")"),
                       example.prompt});
  return prompts;
}

std::vector<Prompt> prompts_of(const std::vector<std::string>& texts) {
  std::vector<Prompt> prompts;
  for (const std::string& text : texts)
    prompts.push_back({message("prompt ", prompts.size() + 1), text});
  return prompts;
}

std::vector<std::vector<std::int64_t>> encode_prompts(const std::vector<Prompt>& prompts,
                                                      const TemplateOptions& prompt_template,
                                                      const Tokenizer& tokenizer,
                                                      const PromptRoom& room,
                                                      const std::string& where) {
  std::vector<std::vector<std::int64_t>> encoded;
  encoded.reserve(prompts.size());
  RowFaults unknown, too_long;
  for (const Prompt& prompt : prompts) {
    encoded.emplace_back();
    try {
      encoded.back() =
          encode_spans(render_prompt(prompt_template, user_prompt(prompt.text)), tokenizer);
    } catch (const DataError& error) {
      unknown.add(prompt.name, error.what());
      continue;
    }
    const auto length = static_cast<std::int64_t>(encoded.back().size());
    if (length + room.response_length > room.max_length)
      too_long.add(prompt.name, message(length, " tokens"));
  }
  std::string text;
  if (unknown.count() > 0)
    text = message(where, ": ", unknown.count(), " of ", prompts.size(),
                   " prompts cannot be encoded", unknown.list());
  if (too_long.count() > 0)
    text += message(text.empty() ? "" : "\n", where, ": ", too_long.count(), " of ", prompts.size(),
                    " prompts are too long: the model takes ", room.max_length, " tokens, ",
                    room.response_length, " of them for the answer", too_long.list(),
                    "\n  shorten them; a smaller [sampler] response_length leaves more room");
  if (!text.empty()) throw DataError(text);
  return encoded;
}

}  // namespace lldm
