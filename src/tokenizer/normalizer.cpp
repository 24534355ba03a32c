// SPDX-License-Identifier: MIT
#include "tokenizer/normalizer.hpp"

#include <memory>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/characters.hpp"
#include "tokenizer/parts.hpp"
#include "tokenizer/precompiled_charsmap.hpp"

namespace lldm {
namespace {

/// A text made character by character: `put(out, c)` appends what becomes of `c`.
template <class Put>
std::string map_characters(std::string_view text, const Put& put) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    put(out, c.value);
    at += c.length;
  }
  return out;
}

template <NormalForm form>
NormalizerStep make_form(const JsonView& json) {
  json.only_keys({"type"});
  return [](std::string text) { return normal_form(text, form); };
}

NormalizerStep make_replace(const JsonView& json) {
  json.only_keys({"type", "pattern", "content"});
  return [pattern = read_pattern(json.at("pattern")), content = json.at("content").text()](
             std::string text) { return replace_all(pattern, text, content); };
}

NormalizerStep make_prepend(const JsonView& json) {
  json.only_keys({"type", "prepend"});
  return [prefix = json.at("prepend").text()](std::string text) {
    return text.empty() ? text : prefix + text;
  };
}

std::string lower_case(std::string_view text) { return map_characters(text, append_lower_case); }

NormalizerStep make_lowercase(const JsonView& json) {
  json.only_keys({"type"});
  return [](std::string text) { return lower_case(text); };
}

NormalizerStep make_strip(const JsonView& json) {
  json.only_keys({"type", "strip_left", "strip_right"});
  return [left = json.at("strip_left").boolean(),
          right = json.at("strip_right").boolean()](std::string text) {
    std::size_t begin = 0, end = text.size();
    while (left && begin < end && is_white_space(code_point_at(text, begin).value))
      begin += code_point_at(text, begin).length;
    while (right && end > begin) {
      const std::size_t last = character_start(text, end - 1);
      if (!is_white_space(code_point_at(text, last).value)) break;
      end = last;
    }
    return text.substr(begin, end - begin);
  };
}

NormalizerStep make_strip_accents(const JsonView& json) {
  json.only_keys({"type"});
  return [](std::string text) {
    return map_characters(text, [](std::string& out, char32_t c) {
      if (!is_mark(c)) append_utf8(out, c);
    });
  };
}

/// google-research/bert, tokenization.py: BasicTokenizer, without its splitting.
NormalizerStep make_bert(const JsonView& json) {
  json.only_keys({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
  const bool cleans = json.at("clean_text").boolean();
  const bool spaces_chinese = json.at("handle_chinese_chars").boolean();
  const bool lowers = json.at("lowercase").boolean();
  const auto accents = json.find("strip_accents");  // null: as `lowercase`
  const bool strips = accents ? accents->boolean() : lowers;
  return [=](std::string text) {
    if (cleans || spaces_chinese)
      text = map_characters(text, [&](std::string& out, char32_t c) {
        if (cleans && is_cleaned_away(c)) return;
        if (cleans && is_white_space(c)) c = ' ';
        const bool is_spaced = spaces_chinese && is_chinese(c);
        if (is_spaced) out += ' ';
        append_utf8(out, c);
        if (is_spaced) out += ' ';
      });
    if (strips)
      text = map_characters(normal_form(text, NormalForm::nfd), [](std::string& out, char32_t c) {
        if (!is_nonspacing_mark(c)) append_utf8(out, c);
      });
    return lowers ? lower_case(text) : text;
  };
}

/// SentencePiece's rules for machine translation.
NormalizerStep make_nmt(const JsonView& json) {
  json.only_keys({"type"});
  return [](std::string text) {
    return map_characters(text, [](std::string& out, char32_t c) {
      const bool is_control = (c >= 0x1 && c <= 0x8) || c == 0xB || (c >= 0xE && c <= 0x1F) ||
                              c == 0x7F || c == 0x8F || c == 0x9F;
      const bool is_space = c == 0x9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 ||
                            (c >= 0x200B && c <= 0x200F) || c == 0x2028 || c == 0x2029 ||
                            c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
      if (!is_control) append_utf8(out, is_space ? ' ' : c);
    });
  };
}

NormalizerStep make_precompiled(const JsonView& json) {
  json.only_keys({"type", "precompiled_charsmap"});
  const JsonView map = json.at("precompiled_charsmap");
  try {
    return [table = std::make_shared<const PrecompiledCharsmap>(map.text())](std::string text) {
      return (*table)(text);
    };
  } catch (const DataError& error) {
    map.fail(error.what());
  }
}

NormalizerStep make_byte_level(const JsonView& json) {
  json.only_keys({"type"});
  return [](std::string text) { return symbols_of_bytes(text); };
}

using Maker = NormalizerStep (*)(const JsonView&);
constexpr NamedPart<Maker> kNormalizers[] = {{"NFC", make_form<NormalForm::nfc>},
                                             {"NFD", make_form<NormalForm::nfd>},
                                             {"NFKC", make_form<NormalForm::nfkc>},
                                             {"NFKD", make_form<NormalForm::nfkd>},
                                             {"Replace", make_replace},
                                             {"Prepend", make_prepend},
                                             {"Lowercase", make_lowercase},
                                             {"Strip", make_strip},
                                             {"StripAccents", make_strip_accents},
                                             {"BertNormalizer", make_bert},
                                             {"Nmt", make_nmt},
                                             {"Precompiled", make_precompiled},
                                             {"ByteLevel", make_byte_level},
                                             {"Sequence", nullptr}};

}  // namespace

SplitRegex read_pattern(const JsonView& json) {
  json.only_keys({"String", "Regex"});
  if (json.size() != 1) json.fail("must have either \"String\" or \"Regex\"");
  if (const auto text = json.find("String")) {
    if (text->text().empty()) text->fail("must not be empty");
    return SplitRegex::literal(text->text());
  }
  const JsonView expression = json.at("Regex");
  try {
    return SplitRegex(expression.text());
  } catch (const DataError& error) {
    expression.fail(error.what());
  }
}

std::string replace_all(const SplitRegex& pattern, std::string_view text,
                        std::string_view replacement) {
  std::string out;
  std::size_t kept_to = 0;
  for (const auto [begin, end] : pattern.find_all(text)) {
    out += text.substr(kept_to, begin - kept_to);
    out += replacement;
    kept_to = end;
  }
  out += text.substr(kept_to);
  return out;
}

std::string one_character(const JsonView& json) {
  if (count_characters(json.text()) != 1) json.fail("must be one character");
  return json.text();
}

Normalizer::Normalizer(const JsonView& json) {
  if (!json.is_null()) add(json);
}

void Normalizer::add(const JsonView& json) {
  if (const Maker make = maker_of<Maker>(kNormalizers, "normalizer", json))
    steps_.push_back(make(json));
  else
    for_each_in_sequence(json, "normalizers", [&](const JsonView& part) { add(part); });
}

std::string Normalizer::operator()(std::string_view text) const {
  std::string out(text);
  for (const NormalizerStep& step : steps_) out = step(std::move(out));
  return out;
}

}  // namespace lldm
