// SPDX-License-Identifier: MIT
// Whether texts begin with the begin-of-text token once, as the model was taught, or twice or
// never.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/data/template.hpp"

namespace lldm {

/// Who puts a begin-of-text token before a text.
struct BeginOfText {
  std::int64_t id = -1;     // of the token; -1: the tokenizer has none
  std::string token = {};   // its text
  bool is_added = false;    // by the tokenizer file's post_processor, to every text
  bool is_written = false;  // by the template, as a piece of its own
};
[[nodiscard]] BeginOfText begin_of_text(const Tokenizer& tokenizer,
                                        const TemplateOptions& prompt_template);

/// What is to be known before any row is read; "" where there is nothing to say.  lldm never
/// applies a post_processor, so a template that writes the token and a file that adds it give one
/// here and two elsewhere; where only the file adds it, texts have none here.
[[nodiscard]] std::string begin_of_text_note(const BeginOfText& begin);

/// Counts texts, as ids, that begin in another way than they should.
class BeginOfTextCount {
 public:
  explicit BeginOfTextCount(BeginOfText begin) : begin_(std::move(begin)) {}
  void add(std::span<const std::int64_t> ids);
  /// "3 of 10 texts hold <s> more than once ..."; "" if all is well.
  [[nodiscard]] std::string problem() const;

 private:
  BeginOfText begin_;
  std::int64_t num_texts_ = 0, num_without_ = 0, num_repeated_ = 0;
};

}  // namespace lldm
