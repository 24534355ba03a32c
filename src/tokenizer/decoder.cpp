// SPDX-License-Identifier: MIT
#include "tokenizer/decoder.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/byte_fallback.hpp"
#include "tokenizer/metaspace.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/parts.hpp"

namespace lldm {
namespace {

using Tokens = std::vector<std::string>;
using Step = std::function<void(Tokens&)>;
constexpr std::string_view kReplacement = "\uFFFD";

std::string joined(const Tokens& tokens, std::string_view between) {
  std::string text;
  for (const std::string& token : tokens) {
    if (&token != tokens.data()) text += between;
    text += token;
  }
  return text;
}

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string out;
  if (what.empty()) return std::string(text);
  for (std::size_t at = 0;;) {
    const std::size_t found = text.find(what, at);
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += by;
    at = found + what.size();
  }
}

/// Spaces that WordPiece puts before punctuation and English contractions.
std::string cleaned_up(std::string text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kRules = {
      {{" .", "."},
       {" ?", "?"},
       {" !", "!"},
       {" ,", ","},
       {" ' ", "'"},
       {" n't", "n't"},
       {" 'm", "'m"},
       {" do not", " don't"},
       {" 's", "'s"},
       {" 've", "'ve"},
       {" 're", "'re"}}};
  for (const auto& [what, by] : kRules) text = replaced(text, what, by);
  return text;
}

Step make_byte_level(const JsonView& json) {
  json.only_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});  // none acts here
  return [](Tokens& tokens) {
    std::string bytes;
    for (const std::string& token : tokens) bytes += bytes_of_symbols(token).value_or(token);
    tokens.assign(1, to_valid_utf8(bytes));
  };
}

Step make_metaspace(const JsonView& json) {
  return [metaspace = Metaspace(json)](Tokens& tokens) {
    for (std::string& token : tokens) token = metaspace.decode(token, &token == tokens.data());
  };
}

Step make_word_piece(const JsonView& json) {
  json.only_keys({"type", "prefix", "cleanup"});
  return
      [prefix = json.at("prefix").text(), cleans = json.at("cleanup").boolean()](Tokens& tokens) {
        for (std::string& token : tokens) {
          if (&token != tokens.data())
            token = token.starts_with(prefix) ? token.substr(prefix.size()) : " " + token;
          if (cleans) token = cleaned_up(std::move(token));
        }
      };
}

Step make_bpe(const JsonView& json) {
  json.only_keys({"type", "suffix"});
  return [suffix = json.at("suffix").text()](Tokens& tokens) {
    for (std::string& token : tokens)
      token = replaced(token, suffix, &token == &tokens.back() ? "" : " ");
  };
}

Step make_ctc(const JsonView& json) {
  json.only_keys({"type", "pad_token", "word_delimiter_token", "cleanup"});
  return [padding = json.at("pad_token").text(), word = json.at("word_delimiter_token").text(),
          cleans = json.at("cleanup").boolean()](Tokens& tokens) {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      token = replaced(token, padding, "");
      if (cleans) token = replaced(cleaned_up(std::move(token)), word, " ");
    }
    std::erase_if(tokens, [](const std::string& token) { return token.empty(); });
  };
}

Step make_replace(const JsonView& json) {
  json.only_keys({"type", "pattern", "content"});
  return [pattern = read_pattern(json.at("pattern")),
          content = json.at("content").text()](Tokens& tokens) {
    for (std::string& token : tokens) token = replace_all(pattern, token, content);
  };
}

Step make_fuse(const JsonView& json) {
  json.only_keys({"type"});
  return [](Tokens& tokens) { tokens.assign(1, joined(tokens, "")); };
}

Step make_strip(const JsonView& json) {
  json.only_keys({"type", "content", "start", "stop"});
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  return [content = one_character(json.at("content")), start = json.at("start").integer(0, kMost),
          stop = json.at("stop").integer(0, kMost)](Tokens& tokens) {
    for (std::string& token : tokens) {
      std::string_view text = token;
      for (std::int64_t i = 0; i < start && text.starts_with(content); ++i)
        text.remove_prefix(content.size());
      for (std::int64_t i = 0; i < stop && text.ends_with(content); ++i)
        text.remove_suffix(content.size());
      token = std::string(text);
    }
  };
}

/// Runs of tokens like <0xE2> become the text of their bytes, or one U+FFFD each.
Step make_byte_fallback(const JsonView& json) {
  json.only_keys({"type"});
  return [](Tokens& tokens) {
    Tokens out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (find_invalid_utf8(bytes))
        for (std::size_t i = 0; i < bytes.size(); ++i) out.emplace_back(kReplacement);
      else
        out.push_back(bytes);
      bytes.clear();
    };
    for (std::string& token : tokens) {
      if (const auto byte = byte_of_fallback(token)) {
        bytes += static_cast<char>(*byte);
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
  };
}

using Maker = Step (*)(const JsonView&);
constexpr NamedPart<Maker> kDecoders[] = {{"ByteLevel", make_byte_level},
                                          {"Replace", make_replace},
                                          {"ByteFallback", make_byte_fallback},
                                          {"Fuse", make_fuse},
                                          {"Strip", make_strip},
                                          {"Metaspace", make_metaspace},
                                          {"WordPiece", make_word_piece},
                                          {"BPEDecoder", make_bpe},
                                          {"CTC", make_ctc},
                                          {"Sequence", nullptr}};

}  // namespace

Decoder::Decoder(const JsonView& json) : is_there_(!json.is_null()) {
  if (is_there_) add(json);
}

void Decoder::add(const JsonView& json) {
  if (const Maker make = maker_of<Maker>(kDecoders, "decoder", json)) {
    is_byte_level_ = steps_.empty() && make == make_byte_level;
    steps_.push_back(make(json));
  } else {
    for_each_in_sequence(json, "decoders", [&](const JsonView& part) { add(part); });
  }
}

std::string Decoder::operator()(std::vector<std::string> tokens) const {
  if (!is_there_) return joined(tokens, " ");
  for (const auto& step : steps_) step(tokens);
  return joined(tokens, "");
}

}  // namespace lldm
