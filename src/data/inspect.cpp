// SPDX-License-Identifier: MIT
#include "lldm/data/inspect.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "data/begin_of_text.hpp"
#include "data/inspect_summary.hpp"
#include "lldm/data/text.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm {
namespace {

std::string hexadecimal(std::uint64_t value) {
  std::ostringstream out;
  out << std::hex << std::setw(16) << std::setfill('0') << value;
  return out.str();
}

std::uint64_t hash_of_prompt(const std::vector<Message>& prompt) {
  ContentHash hash;
  for (const auto& turn : prompt) hash.add(turn.role).add(turn.content);
  return hash.value();
}

InspectedRow sample_of(const TextRow& row, const Tokenizer& tokenizer, const InspectSettings&) {
  return {row.id,
          row.content_hash,
          0,
          {{"text", row.text}},
          {{"text", {row.id, {}, tokenizer.encode(row.text)}}}};
}

InspectedRow sample_of(const PromptRow& row, const Tokenizer& tokenizer,
                       const InspectSettings& settings) {
  const auto rendered = render(settings.prompt_template, row.prompt, row.response);
  return {row.id,
          row.content_hash,
          hash_of_prompt(row.prompt),
          {{"prompt", text_of(rendered.prompt)}, {"response", text_of(rendered.response)}},
          {{"response", encode(rendered, row.id, tokenizer)}}};
}

InspectedRow sample_of(const PreferenceRow& row, const Tokenizer& tokenizer,
                       const InspectSettings& settings) {
  const auto chosen = render(settings.prompt_template, row.prompt, row.chosen);
  const auto rejected = render(settings.prompt_template, row.prompt, row.rejected);
  return {row.id,
          row.content_hash,
          hash_of_prompt(row.prompt),
          {{"prompt", text_of(chosen.prompt)},
           {"chosen", text_of(chosen.response)},
           {"rejected", text_of(rejected.response)}},
          {{"chosen", encode(chosen, row.id, tokenizer)},
           {"rejected", encode(rejected, row.id, tokenizer)}}};
}

InspectedRow sample_of(const RankedRow& row, const Tokenizer& tokenizer,
                       const InspectSettings& settings) {
  InspectedRow sample{row.id, row.content_hash, hash_of_prompt(row.prompt), {}, {}};
  for (std::size_t i = 0; i < row.answers.size(); ++i) {
    const auto rendered = render(settings.prompt_template, row.prompt, row.answers[i]);
    const std::string name = message("answer ", i + 1);
    if (i == 0) sample.texts.emplace_back("prompt", text_of(rendered.prompt));
    sample.texts.emplace_back(name, text_of(rendered.response));
    sample.parts.push_back({name, encode(rendered, row.id, tokenizer)});
  }
  return sample;
}

void describe_tokens(std::ostringstream& out, const InspectedPart& part, std::uint64_t answer,
                     const Tokenizer& tokenizer, const InspectSettings& settings) {
  std::vector<Encoded> fitted = {part.tokens};
  if (has_canvas(part)) {
    try {
      fit_to_canvas(fitted, settings.response_length, tokenizer);
    } catch (const DataError&) {  // counted and said below; shown as it is
      out << "  " << part.name << " does not fit response_length = " << *settings.response_length
          << '\n';
    }
  }
  const auto& [row, prompt, response, place] = fitted.front();
  const auto num_tokens = prompt.size() + response.size();
  out << "  " << part.name << ": " << num_tokens << " tokens, " << prompt.size()
      << " of the prompt, " << response.size() << " in the loss\n"
      << "    position      id  part      loss  noised  token\n";
  Stream draws = Draws(settings.seed, "inspect").stream(Purpose::noise, 0, row, answer);
  for (std::size_t i = 0; i < num_tokens; ++i) {
    const bool is_prompt = i < prompt.size();
    const std::int64_t id = is_prompt ? prompt[i] : response[i - prompt.size()];
    const bool is_noised = !is_prompt && draws.uniform() < settings.noise_time;
    if (i == static_cast<std::size_t>(settings.num_tokens))
      out << "    ... and " << num_tokens - i << " more tokens\n";
    if (i >= static_cast<std::size_t>(settings.num_tokens)) continue;
    const std::int64_t one[] = {id};
    out << "    " << std::setw(8) << i << std::setw(8) << id << "  " << std::left << std::setw(10)
        << (is_prompt ? "prompt" : "response") << std::setw(6) << (is_prompt ? "-" : "yes")
        << std::setw(8) << (is_noised ? "mask" : ".") << std::right << '"'
        << escape_text(tokenizer.decode(one, false)) << "\"\n";
  }
}

void validate(const Tokenizer& tokenizer, const InspectSettings& settings) {
  if (!(settings.noise_time >= 0 && settings.noise_time <= 1))
    throw ConfigError(message("inspect: noise_time must be in [0, 1], got ", settings.noise_time));
  if (settings.num_rows < 0 || settings.num_tokens < 0)
    throw ConfigError("inspect: numbers of rows and tokens must not be negative");
  for (const auto id : {tokenizer.special().mask, tokenizer.special().end_of_text})
    if (id < 0)
      throw ConfigError(message("inspect: tokenizer \"", tokenizer.type(),
                                "\" has no mask or no end-of-text token"));
}

template <class Row>
std::string describe(const std::vector<Row>& rows, const Tokenizer& tokenizer,
                     const InspectSettings& settings) {
  validate(tokenizer, settings);
  std::ostringstream out;
  InspectSummary summary(begin_of_text(tokenizer, settings.prompt_template));
  std::int64_t num_shown = 0;
  for (const auto& row : rows) {
    try {
      const InspectedRow sample = sample_of(row, tokenizer, settings);
      summary.add(sample, settings);
      if (num_shown++ >= settings.num_rows) continue;
      out << "row " << sample.id << "  (content " << hexadecimal(sample.content_hash) << ")\n";
      for (const auto& [name, text] : sample.texts)
        out << "  " << name << " \"" << escape_text(text) << "\"\n";
      for (std::size_t i = 0; i < sample.parts.size(); ++i)
        describe_tokens(out, sample.parts[i], i, tokenizer, settings);
    } catch (const DataError& error) {
      summary.refuse(row.id, error.what());
    }
  }
  summary.write(out, settings);
  return out.str();
}

}  // namespace

std::string describe_rows(const std::vector<TextRow>& rows, const Tokenizer& tokenizer,
                          const InspectSettings& settings) {
  return describe(rows, tokenizer, settings);
}
std::string describe_rows(const std::vector<PromptRow>& rows, const Tokenizer& tokenizer,
                          const InspectSettings& settings) {
  return describe(rows, tokenizer, settings);
}
std::string describe_rows(const std::vector<PreferenceRow>& rows, const Tokenizer& tokenizer,
                          const InspectSettings& settings) {
  return describe(rows, tokenizer, settings);
}

std::string describe_rows(const std::vector<RankedRow>& rows, const Tokenizer& tokenizer,
                          const InspectSettings& settings) {
  return describe(rows, tokenizer, settings);
}

std::string escape_text(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    const auto bad = find_invalid_utf8(text);
    for (const char c : text.substr(0, bad.value_or(text.size()))) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '\n')
        out += "\\n";
      else if (c == '\t')
        out += "\\t";
      else if (c == '\r')
        out += "\\r";
      else if (c == '"' || c == '\\')
        (out += '\\') += c;
      else if (byte < 0x20 || byte == 0x7F)
        ((out += "\\x") += digits[byte >> 4]) += digits[byte & 15];
      else
        out += c;
    }
    if (!bad) break;
    const auto byte = static_cast<unsigned char>(text[*bad]);
    ((out += "\\x") += digits[byte >> 4]) += digits[byte & 15];
    text.remove_prefix(*bad + 1);
  }
  return out;
}

}  // namespace lldm
