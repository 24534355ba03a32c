// SPDX-License-Identifier: MIT
#include "lldm/data/template.hpp"

#include <algorithm>

#include "data/chat_forms.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

constexpr std::size_t kMaxListed = 20;

void validate(const TemplateOptions& options) {
  if (options.type != TemplateType::plain && !options.separator.empty())
    throw ConfigError(message("template \"", template_name(options.type),
                              "\" has no separator\n  leave `separator` out"));
  if (options.type == TemplateType::plain && !options.close_turn)
    throw ConfigError("template \"plain\" has no turns to close\n  leave `close_turn` out");
}

}  // namespace

void TemplateOptions::check(config::OptionsCheck& check) const {
  if (type != TemplateType::plain && !separator.empty())
    check.error("separator", message("type = \"", template_name(type), "\" has no separator"),
                "leave `separator` out");
  if (type == TemplateType::plain && !close_turn)
    check.error("close_turn", "type = \"plain\" has no turns to close", "leave `close_turn` out");
}

std::string_view template_name(TemplateType type) {
  for (const auto& choice : choices(std::type_identity<TemplateType>{}))
    if (choice.value == type) return choice.name;
  return "";
}

std::vector<Span> render_messages(const TemplateOptions& options,
                                  const std::vector<Message>& messages,
                                  GenerationPrompt generation) {
  validate(options);
  return render_turns(chat_form(options.type), messages, generation);
}

std::vector<Span> render_prompt(const TemplateOptions& options,
                                const std::vector<Message>& prompt) {
  validate(options);
  if (options.type != TemplateType::plain)
    return render_messages(options, prompt, GenerationPrompt::written);
  if (prompt.size() != 1)
    throw DataError(message("template \"plain\" takes a prompt of one message, got ", prompt.size(),
                            "\n  conversations need a chat template, such as type = \"chatml\""));
  return {{prompt.front().content + options.separator, false}};
}

std::vector<Span> render_response(const TemplateOptions& options, std::string_view response) {
  validate(options);
  if (options.type == TemplateType::plain) return {{std::string(response), false}};
  const ChatForm& form = chat_form(options.type);
  std::vector<Span> spans = render_answer(form, response);
  if (options.close_turn) spans.push_back({std::string(form.turn_close), true});
  return spans;
}

Rendered render(const TemplateOptions& options, const std::vector<Message>& prompt,
                std::string_view response) {
  return {render_prompt(options, prompt), render_response(options, response)};
}

std::string text_of(const std::vector<Span>& spans) {
  std::string out;
  for (const auto& span : spans) out += span.text;
  return out;
}

std::vector<std::int64_t> encode_spans(const std::vector<Span>& spans, const Tokenizer& tokenizer) {
  std::vector<std::int64_t> ids;
  std::string plain;
  const auto append = [&](std::string_view text, SpecialText special) {
    if (text.empty()) return std::size_t{0};
    const auto piece = tokenizer.encode(text, special);
    ids.insert(ids.end(), piece.begin(), piece.end());
    return piece.size();
  };
  for (const auto& span : spans) {
    if (!span.is_special) {
      plain += span.text;
      continue;
    }
    append(plain, SpecialText::plain);
    plain.clear();
    if (append(span.text, SpecialText::recognise) != 1)
      throw DataError(message("tokenizer \"", tokenizer.type(), "\" has no special token \"",
                              span.text,
                              "\"\n  the template needs it; use a tokenizer that has it, or the "
                              "template \"plain\""));
  }
  append(plain, SpecialText::plain);
  return ids;
}

Encoded encode(const Rendered& rendered, std::uint64_t row, const Tokenizer& tokenizer) {
  Encoded encoded{.row = row,
                  .prompt = encode_spans(rendered.prompt, tokenizer),
                  .response = encode_spans(rendered.response, tokenizer)};
  // A turn that is closed by the end of the text: the canvas writes that, and once is enough.
  const std::int64_t end_of_text = tokenizer.special().end_of_text;
  if (end_of_text >= 0 && !rendered.response.empty() && rendered.response.back().is_special &&
      encoded.response.back() == end_of_text)
    encoded.response.pop_back();
  return encoded;
}

void fit_to_canvas(std::vector<Encoded>& rows, ResponseLength length, const Tokenizer& tokenizer) {
  const std::int64_t end_of_text = tokenizer.special().end_of_text;
  if (end_of_text < 0)
    throw ConfigError(message("response_length: tokenizer \"", tokenizer.type(),
                              "\" has no end-of-text token, and answers end with one"));
  if (length && *length < 1)
    throw ConfigError(message("response_length must be at least 1 or \"own\", got ", *length));
  std::string listed;
  std::size_t longest = 0, num_too_long = 0;
  for (auto& row : rows) {
    const std::size_t needed = row.response.size() + 1;
    longest = std::max(longest, needed);
    if (!length) {
      row.response.push_back(end_of_text);
    } else if (needed > static_cast<std::size_t>(*length)) {
      if (++num_too_long <= kMaxListed)
        listed += message("\n  ", row.place.empty() ? message("row ", row.row) : row.place, ": ",
                          needed, " tokens");
    } else {
      row.response.resize(static_cast<std::size_t>(*length), end_of_text);
    }
  }
  if (num_too_long == 0) return;
  if (num_too_long > kMaxListed) listed += message("\n  and ", num_too_long - kMaxListed, " more");
  throw DataError(message("response_length = ", *length, " is too short for ", num_too_long, " of ",
                          rows.size(), " answers, their end-of-text included", listed,
                          "\n  response_length = ", longest, " would hold them all"));
}

}  // namespace lldm
