// SPDX-License-Identifier: MIT
#include "tokenizer/pre_tokenizer.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "tokenizer/byte_alphabet.hpp"
#include "tokenizer/characters.hpp"
#include "tokenizer/metaspace.hpp"
#include "tokenizer/normalizer.hpp"
#include "tokenizer/parts.hpp"
#include "tokenizer/unicode_additions.hpp"

namespace lldm {
namespace {

using Step = std::function<void(Pieces&)>;
using Steps = std::vector<Step>;
using Matches = std::vector<SplitRegex::Match>;

/// GPT-2's expression (Radford et al. 2019, encoder.py), which ByteLevel applies with use_regex.
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

constexpr std::array<std::pair<std::string_view, SplitBehaviour>, 5> kBehaviours = {
    {{"Removed", SplitBehaviour::removed},
     {"Isolated", SplitBehaviour::isolated},
     {"MergedWithPrevious", SplitBehaviour::merged_with_previous},
     {"MergedWithNext", SplitBehaviour::merged_with_next},
     {"Contiguous", SplitBehaviour::contiguous}}};

SplitBehaviour read_behaviour(const JsonView& name) {
  for (const auto& [known, behaviour] : kBehaviours)
    if (name.text() == known) return behaviour;
  name.fail(message("no such behaviour: \"", name.text(),
                    "\"\n  behaviours: Removed, Isolated, MergedWithPrevious, MergedWithNext, "
                    "Contiguous"));
}

Step split_by(SplitRegex regex, SplitBehaviour behaviour, bool is_inverted = false) {
  Pieces::Find find = [regex = std::move(regex)](std::string_view text, Matches& matches) {
    regex.find_all(text, matches);
  };
  return [=](Pieces& pieces) { pieces.split(find, behaviour, is_inverted); };
}

/// Every character for which `is_one(c)` holds is a match of its own.
template <class IsOne>
Step split_at(const IsOne& is_one, SplitBehaviour behaviour) {
  Pieces::Find find = [is_one](std::string_view text, Matches& matches) {
    matches.clear();
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint c = code_point_at(text, at);
      if (is_one(c.value)) matches.push_back({at, at + c.length});
      at += c.length;
    }
  };
  return [=](Pieces& pieces) { pieces.split(find, behaviour); };
}

void add_split(const JsonView& json, Steps& steps) {
  json.only_keys({"type", "pattern", "behavior", "invert"});
  const SplitBehaviour behaviour = read_behaviour(json.at("behavior"));
  steps.push_back(
      split_by(read_pattern(json.at("pattern")), behaviour, json.at("invert").boolean()));
}

void add_digits(const JsonView& json, Steps& steps) {
  json.only_keys({"type", "individual_digits"});
  const bool each = json.at("individual_digits").boolean();
  steps.push_back(
      split_at(is_number, each ? SplitBehaviour::isolated : SplitBehaviour::contiguous));
}

void add_byte_level(const JsonView& json, Steps& steps) {
  json.only_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  (void)json.at("trim_offsets").boolean();  // concerns offsets, which lldm does not give
  if (json.at("add_prefix_space").boolean())
    steps.push_back([](Pieces& pieces) {
      pieces.rewrite([](const Pieces::Piece& piece) {
        return (piece.text.starts_with(' ') ? "" : " ") + std::string(piece.text);
      });
    });
  const auto use_regex = json.find("use_regex");
  if (!use_regex || use_regex->boolean())
    steps.push_back(split_by(SplitRegex(kGpt2), SplitBehaviour::isolated));
  steps.push_back([](Pieces& pieces) {
    pieces.rewrite([](const Pieces::Piece& piece) { return symbols_of_bytes(piece.text); });
  });
}

void add_metaspace(const JsonView& json, Steps& steps) {
  steps.push_back([metaspace = Metaspace(json)](Pieces& pieces) { metaspace.cut(pieces); });
}

void add_whitespace(const JsonView& json, Steps& steps) {
  json.only_keys({"type"});
  const std::string word(kRustWordCharacters);  // \w+|[^\w\s]+
  steps.push_back(
      split_by(SplitRegex("[" + word + "]+|[^" + word + "\\s]+"), SplitBehaviour::removed, true));
}

void add_whitespace_split(const JsonView& json, Steps& steps) {
  json.only_keys({"type"});
  steps.push_back(split_at(is_white_space, SplitBehaviour::removed));
}

void add_punctuation(const JsonView& json, Steps& steps) {
  json.only_keys({"type", "behavior"});
  const auto behaviour = json.find("behavior");
  steps.push_back(
      split_at(is_punctuation, behaviour ? read_behaviour(*behaviour) : SplitBehaviour::isolated));
}

void add_bert(const JsonView& json, Steps& steps) {
  add_whitespace_split(json, steps);
  steps.push_back(split_at(is_punctuation, SplitBehaviour::isolated));
}

void add_delimiter(const JsonView& json, Steps& steps) {
  json.only_keys({"type", "delimiter"});
  const char32_t delimiter = code_point_at(one_character(json.at("delimiter")), 0).value;
  steps.push_back(split_at([=](char32_t c) { return c == delimiter; }, SplitBehaviour::removed));
}

void add_fixed_length(const JsonView& json, Steps& steps) {
  json.only_keys({"type", "length"});
  const auto given = json.find("length");
  const std::int64_t length =
      given ? given->integer(1, std::numeric_limits<std::int32_t>::max()) : 5;
  Pieces::Find find = [length](std::string_view text, Matches& matches) {
    matches.clear();
    std::int64_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++count) {
      if (count % length == 0) matches.push_back({at, at});
      at += code_point_at(text, at).length;
      matches.back().end = at;
    }
  };
  steps.push_back([=](Pieces& pieces) { pieces.split(find, SplitBehaviour::isolated); });
}

/// Cuts where the script changes.  What has no script goes with what stands before it; at the
/// beginning there is nothing, and the reference drops it.
void find_scripts(std::string_view text, Matches& matches) {
  matches.clear();
  int last = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    const int script = script_of(c.value);
    if (script != 0 && script != last) matches.push_back({at, at});
    if (script != 0) last = script;
    at += c.length;
    if (!matches.empty()) matches.back().end = at;
  }
}

void add_unicode_scripts(const JsonView& json, Steps& steps) {
  json.only_keys({"type"});
  const Pieces::Find find = find_scripts;
  steps.push_back([=](Pieces& pieces) { pieces.split(find, SplitBehaviour::removed, true); });
}

using Adder = void (*)(const JsonView&, Steps&);
constexpr NamedPart<Adder> kPreTokenizers[] = {{"Split", add_split},
                                               {"Digits", add_digits},
                                               {"ByteLevel", add_byte_level},
                                               {"Metaspace", add_metaspace},
                                               {"Whitespace", add_whitespace},
                                               {"WhitespaceSplit", add_whitespace_split},
                                               {"Punctuation", add_punctuation},
                                               {"BertPreTokenizer", add_bert},
                                               {"CharDelimiterSplit", add_delimiter},
                                               {"FixedLength", add_fixed_length},
                                               {"UnicodeScripts", add_unicode_scripts},
                                               {"Sequence", nullptr}};

}  // namespace

PreTokenizer::PreTokenizer(const JsonView& json) {
  if (!json.is_null()) add(json);
}

void PreTokenizer::add(const JsonView& json) {
  if (const Adder adder = maker_of<Adder>(kPreTokenizers, "pre-tokenizer", json)) {
    adder(json, steps_);
    ends_in_byte_level_ = adder == add_byte_level;
  } else {
    for_each_in_sequence(json, "pretokenizers", [&](const JsonView& part) { add(part); });
  }
}

void PreTokenizer::cut(Pieces& pieces, PieceText as) const {
  const std::size_t left_out = as == PieceText::bytes && ends_in_byte_level_ ? 1 : 0;
  for (std::size_t i = 0; i + left_out < steps_.size(); ++i) steps_[i](pieces);
}

}  // namespace lldm
