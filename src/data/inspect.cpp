// SPDX-License-Identifier: MIT
#include "lldm/data/inspect.hpp"

#include <algorithm>
#include <iomanip>
#include <set>
#include <sstream>

#include "data/begin_of_text.hpp"
#include "lldm/data/text.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm {
namespace {

constexpr std::size_t kMaxListed = 5;

// One text of a row: what it is called, and its tokens before the canvas.
struct Part {
  std::string name;
  Encoded tokens;
};

// One row, ready to be described: the texts a model is shown, in order.
struct Sample {
  std::uint64_t id = 0, content_hash = 0, prompt_hash = 0;
  std::vector<std::pair<std::string, std::string>> texts;  // what, text
  std::vector<Part> parts;
};

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

Sample sample_of(const TextRow& row, const Tokenizer& tokenizer, const InspectSettings&) {
  return {row.id,
          row.content_hash,
          0,
          {{"text", row.text}},
          {{"text", {row.id, {}, tokenizer.encode(row.text)}}}};
}

Sample sample_of(const PromptRow& row, const Tokenizer& tokenizer,
                 const InspectSettings& settings) {
  const auto rendered = render(settings.prompt_template, row.prompt, row.response);
  return {row.id,
          row.content_hash,
          hash_of_prompt(row.prompt),
          {{"prompt", text_of(rendered.prompt)}, {"response", text_of(rendered.response)}},
          {{"response", encode(rendered, row.id, tokenizer)}}};
}

Sample sample_of(const PreferenceRow& row, const Tokenizer& tokenizer,
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

Sample sample_of(const RankedRow& row, const Tokenizer& tokenizer,
                 const InspectSettings& settings) {
  Sample sample{row.id, row.content_hash, hash_of_prompt(row.prompt), {}, {}};
  for (std::size_t i = 0; i < row.answers.size(); ++i) {
    const auto rendered = render(settings.prompt_template, row.prompt, row.answers[i]);
    const std::string name = message("answer ", i + 1);
    if (i == 0) sample.texts.emplace_back("prompt", text_of(rendered.prompt));
    sample.texts.emplace_back(name, text_of(rendered.response));
    sample.parts.push_back({name, encode(rendered, row.id, tokenizer)});
  }
  return sample;
}

// Tokens the loss counts of a text: the response and its canvas, or the text itself.
bool has_canvas(const Part& part) { return part.name != "text"; }

void describe_tokens(std::ostringstream& out, const Part& part, std::uint64_t answer,
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

void describe_lengths(std::ostringstream& out, const std::string& name,
                      std::vector<std::size_t> lengths) {
  if (lengths.empty()) return;
  std::sort(lengths.begin(), lengths.end());
  // Nearest rank: a length that occurs.
  const auto rank = [&](double p) {
    const auto at = static_cast<std::size_t>(p * static_cast<double>(lengths.size()) + 0.999999);
    return lengths[std::clamp<std::size_t>(at, 1, lengths.size()) - 1];
  };
  out << "  " << std::left << std::setw(10) << name << std::right << std::setw(8) << lengths.front()
      << std::setw(8) << rank(0.5) << std::setw(8) << rank(0.95) << std::setw(8) << lengths.back()
      << '\n';
}

// What is known of all rows together.
class Summary {
 public:
  explicit Summary(BeginOfText begin) : begins_(std::move(begin)) {}
  void add(const Sample& sample, const InspectSettings& settings) {
    ++num_rows_;
    num_duplicates_ += !contents_.insert(sample.content_hash).second;
    if (sample.prompt_hash != 0)
      num_prompt_duplicates_ += !prompts_.insert(sample.prompt_hash).second;
    for (const auto& part : sample.parts) {
      const auto response = part.tokens.response.size() + (has_canvas(part) ? 1 : 0);
      length(part.name).push_back(response);
      begins_.add(has_canvas(part) ? part.tokens.prompt : part.tokens.response);
      length("total").push_back(part.tokens.prompt.size() + response);
      num_too_long_ += has_canvas(part) && settings.response_length &&
                       response > static_cast<std::size_t>(*settings.response_length);
    }
    if (sample.prompt_hash != 0)
      length("prompt").push_back(sample.parts.front().tokens.prompt.size());
  }
  void refuse(std::uint64_t row, const std::string& why) {
    ++num_rows_;
    if (++num_refused_ <= kMaxListed)
      refused_ += message("\n    row ", row, ": ", escape_text(why));
  }
  void write(std::ostringstream& out, const InspectSettings& settings) const {
    out << num_rows_ << " rows; tokens, end-of-text included"
        << "\n                 min  median     p95     max\n";
    for (const auto& [name, lengths] : lengths_) describe_lengths(out, name, lengths);
    out << "  rows that repeat an earlier row: " << num_duplicates_ << '\n';
    if (!prompts_.empty())
      out << "  prompts that repeat an earlier prompt: " << num_prompt_duplicates_ << '\n';
    if (settings.response_length)
      out << "  answers that do not fit response_length = " << *settings.response_length << ": "
          << num_too_long_ << '\n';
    out << "  rows that cannot be encoded: " << num_refused_ << refused_ << '\n';
    if (const std::string problem = begins_.problem(); !problem.empty())
      out << "  begin of text: " << problem << '\n';
  }

 private:
  std::vector<std::size_t>& length(const std::string& name) {
    for (auto& [known, lengths] : lengths_)
      if (known == name) return lengths;
    return lengths_.emplace_back(name, std::vector<std::size_t>()).second;
  }

  BeginOfTextCount begins_;
  std::int64_t num_rows_ = 0, num_duplicates_ = 0, num_prompt_duplicates_ = 0, num_too_long_ = 0;
  std::size_t num_refused_ = 0;
  std::string refused_;
  std::set<std::uint64_t> contents_, prompts_;
  std::vector<std::pair<std::string, std::vector<std::size_t>>> lengths_;
};

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
  Summary summary(begin_of_text(tokenizer, settings.prompt_template));
  std::int64_t num_shown = 0;
  for (const auto& row : rows) {
    try {
      const Sample sample = sample_of(row, tokenizer, settings);
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
