// SPDX-License-Identifier: MIT
#include "data/begin_of_text.hpp"

#include <algorithm>
#include <array>

#include "data/chat_forms.hpp"
#include "lldm/errors.hpp"
#include "lldm/tokenizer/tokenizer_json.hpp"

namespace lldm {

BeginOfText begin_of_text(const Tokenizer& tokenizer, const TemplateOptions& prompt_template) {
  BeginOfText begin{.id = tokenizer.special().begin_of_text};
  if (begin.id < 0) return begin;
  begin.token = tokenizer.decode(std::array{begin.id}, false);
  if (const auto* json = dynamic_cast<const TokenizerJson*>(&tokenizer)) {
    const std::vector<std::int64_t> added = json->add_template_tokens({});
    begin.is_added = !added.empty() && added.front() == begin.id;
  }
  if (prompt_template.type == TemplateType::plain) return begin;
  const std::string_view written = chat_form(prompt_template.type).begin;
  begin.is_written = !written.empty() && tokenizer.encode(written, SpecialText::recognise) ==
                                             std::vector<std::int64_t>{begin.id};
  return begin;
}

std::string begin_of_text_note(const BeginOfText& begin) {
  if (!begin.is_added) return "";
  if (begin.is_written)
    return message(
        "the template writes ", begin.token,
        ", and the tokenizer's post_processor would add another: it stands once in what "
        "lldm encodes; a program that adds special tokens to rendered text has it twice");
  return message("the tokenizer's post_processor puts ", begin.token,
                 " before every text, and the template writes none: texts begin without it");
}

void BeginOfTextCount::add(std::span<const std::int64_t> ids) {
  ++num_texts_;
  num_without_ += ids.empty() || ids.front() != begin_.id ? 1 : 0;
  num_repeated_ += std::ranges::count(ids, begin_.id) > 1 ? 1 : 0;
}

std::string BeginOfTextCount::problem() const {
  if (begin_.id < 0) return "";
  std::string text;
  if (num_repeated_ > 0)
    text = message(num_repeated_, " of ", num_texts_, " texts hold ", begin_.token, " (id ",
                   begin_.id, ") more than once");
  if (num_without_ > 0 && (begin_.is_added || begin_.is_written))
    text += message(text.empty() ? "" : "; ", num_without_, " of ", num_texts_,
                    " texts begin without ", begin_.token, " (id ", begin_.id, "), which the ",
                    begin_.is_written ? "template writes"
                                      : "tokenizer's post_processor puts before every text");
  return text;
}

}  // namespace lldm
