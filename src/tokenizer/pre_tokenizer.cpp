// SPDX-License-Identifier: MIT
#include "tokenizer/pre_tokenizer.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "lldm/errors.hpp"
#include "tokenizer/normalizer.hpp"

namespace lldm {
namespace {

/// GPT-2's expression (Radford et al. 2019, encoder.py), which ByteLevel applies with use_regex.
constexpr std::string_view kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

constexpr std::array<std::pair<std::string_view, SplitBehaviour>, 5> kBehaviours = {
    {{"Removed", SplitBehaviour::removed},
     {"Isolated", SplitBehaviour::isolated},
     {"MergedWithPrevious", SplitBehaviour::merged_with_previous},
     {"MergedWithNext", SplitBehaviour::merged_with_next},
     {"Contiguous", SplitBehaviour::contiguous}}};

struct Span {
  std::size_t begin, end;
  bool is_match;
};

/// Matches and what lies between them, covering the whole text in order.
std::vector<Span> cover(std::string_view text, const SplitRegex& regex, bool is_inverted) {
  std::vector<Span> spans;
  std::size_t done = 0;
  for (const auto [begin, end] : regex.find_all(text)) {
    if (done != begin) spans.push_back({done, begin, is_inverted});
    spans.push_back({begin, end, !is_inverted});
    done = end;
  }
  if (done != text.size()) spans.push_back({done, text.size(), is_inverted});
  return spans;
}

/// huggingface/tokenizers, normalizer.rs, NormalizedString::split.
std::vector<Span> apply(std::vector<Span> spans, SplitBehaviour behaviour) {
  std::vector<Span> out;
  bool previous = false;
  switch (behaviour) {
    case SplitBehaviour::isolated:
      return spans;
    case SplitBehaviour::removed:
      std::erase_if(spans, [](const Span& span) { return span.is_match; });
      return spans;
    case SplitBehaviour::contiguous:
    case SplitBehaviour::merged_with_previous:
      for (const Span& span : spans) {
        const bool joins = behaviour == SplitBehaviour::contiguous ? span.is_match == previous
                                                                   : span.is_match && !previous;
        if (joins && !out.empty())
          out.back().end = span.end;
        else
          out.push_back(span);
        previous = span.is_match;
      }
      return out;
    case SplitBehaviour::merged_with_next:
      for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
        if (span->is_match && !previous && !out.empty())
          out.back().begin = span->begin;
        else
          out.push_back(*span);
        previous = span->is_match;
      }
      std::reverse(out.begin(), out.end());
      return out;
  }
  return out;
}

}  // namespace

PreTokenizer::PreTokenizer(const JsonView& json) {
  if (json.is_null())
    json.fail("must not be null: lldm reads byte-level BPE, which has a ByteLevel here");
  add(json);
  if (!has_byte_level_)
    json.fail("has no ByteLevel; lldm reads byte-level BPE\n  other kinds are not implemented");
}

void PreTokenizer::add(const JsonView& json) {
  const JsonView type = json.at("type");
  if (type.text() == "Sequence") {
    json.only_keys({"type", "pretokenizers"});
    const JsonView list = json.at("pretokenizers");
    list.require_array();
    for (std::size_t i = 0; i < list.size(); ++i) add(list.at(i));
    return;
  }
  if (has_byte_level_) json.fail("nothing may follow ByteLevel: not implemented");
  if (type.text() == "Split") {
    add_split(json);
  } else if (type.text() == "Digits") {
    json.only_keys({"type", "individual_digits"});
    const bool each = json.at("individual_digits").boolean();
    before_.push_back({SplitRegex("\\p{N}"),
                       each ? SplitBehaviour::isolated : SplitBehaviour::contiguous, false});
  } else if (type.text() == "ByteLevel") {
    add_byte_level(json);
  } else {
    type.fail(message("the pre-tokenizer \"", type.text(),
                      "\" is not implemented\n  implemented: Sequence, Split, Digits, ByteLevel"));
  }
}

void PreTokenizer::add_split(const JsonView& json) {
  json.only_keys({"type", "pattern", "behavior", "invert"});
  const JsonView name = json.at("behavior");
  const auto behaviour =
      std::find_if(kBehaviours.begin(), kBehaviours.end(),
                   [&](const auto& known) { return known.first == name.text(); });
  if (behaviour == kBehaviours.end())
    name.fail(message(
        "no such behaviour: \"", name.text(),
        "\"\n  behaviours: Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous"));
  before_.push_back(
      {read_pattern(json.at("pattern")), behaviour->second, json.at("invert").boolean()});
}

void PreTokenizer::add_byte_level(const JsonView& json) {
  json.only_keys({"type", "add_prefix_space", "trim_offsets", "use_regex"});
  (void)json.at("trim_offsets").boolean();  // concerns offsets, which lldm does not give
  adds_prefix_space_ = json.at("add_prefix_space").boolean();
  const auto use_regex = json.find("use_regex");
  if (!use_regex || use_regex->boolean())
    byte_level_.push_back({SplitRegex(kGpt2), SplitBehaviour::isolated, false});
  has_byte_level_ = true;
}

void PreTokenizer::split(std::string_view text, std::vector<std::string_view>& pieces,
                         std::string& storage) const {
  pieces.assign(1, text);
  std::vector<std::string_view> next;
  const auto run = [&](const std::vector<Step>& steps) {
    for (const Step& step : steps) {
      next.clear();
      for (const std::string_view piece : pieces)
        for (const Span& span : apply(cover(piece, step.regex, step.is_inverted), step.behaviour))
          if (span.begin < span.end)
            next.push_back(piece.substr(span.begin, span.end - span.begin));
      std::swap(pieces, next);
    }
  };
  run(before_);
  std::erase_if(pieces, [](std::string_view piece) { return piece.empty(); });
  if (adds_prefix_space_) {
    storage.clear();
    storage.reserve(text.size() + pieces.size());  // keeps the views valid
    for (std::string_view& piece : pieces) {
      if (piece.starts_with(' ')) continue;
      const std::size_t begin = storage.size();
      storage += ' ';
      storage += piece;
      piece = std::string_view(storage).substr(begin);
    }
  }
  run(byte_level_);
}

}  // namespace lldm
