// SPDX-License-Identifier: MIT
#include "tokenizer/metaspace.hpp"

#include "lldm/errors.hpp"
#include "tokenizer/normalizer.hpp"

namespace lldm {

Metaspace::Metaspace(const JsonView& json) {
  json.only_keys({"type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"});
  replacement_ = one_character(json.at("replacement"));
  if (const auto scheme = json.find("prepend_scheme")) {
    const std::string& name = scheme->text();
    if (name != "always" && name != "first" && name != "never")
      scheme->fail(message("no such scheme: \"", name, "\"\n  schemes: always, first, never"));
    prepend_ = name == "always"  ? Prepend::always
               : name == "first" ? Prepend::first
                                 : Prepend::never;
  }
  if (const auto adds = json.find("add_prefix_space"); adds && !adds->boolean()) {
    if (json.find("prepend_scheme") && prepend_ != Prepend::never)
      adds->fail("is false, but prepend_scheme is not \"never\"");
    prepend_ = Prepend::never;
  }
  if (const auto splits = json.find("split")) splits_ = splits->boolean();
}

void Metaspace::cut(Pieces& pieces) const {
  pieces.rewrite([&](const Pieces::Piece& piece) {
    std::string text;
    for (const char c : piece.text)
      if (c == ' ')
        text += replacement_;
      else
        text += c;
    const bool prepends =
        prepend_ == Prepend::always || (prepend_ == Prepend::first && piece.is_first);
    return prepends && !text.starts_with(replacement_) ? replacement_ + text : text;
  });
  if (!splits_) return;
  const auto find = [&](std::string_view text, std::vector<SplitRegex::Match>& matches) {
    matches.clear();
    for (std::size_t at = text.find(replacement_); at != std::string_view::npos;
         at = text.find(replacement_, at + replacement_.size()))
      matches.push_back({at, at + replacement_.size()});
  };
  pieces.split(find, SplitBehaviour::merged_with_next);
}

std::string Metaspace::decode(std::string_view token, bool is_first) const {
  std::string text;
  const bool drops = is_first && prepend_ != Prepend::never;
  for (std::size_t at = 0; at < token.size();) {
    if (token.substr(at).starts_with(replacement_)) {
      if (!drops) text += ' ';
      at += replacement_.size();
    } else {
      text += token[at++];
    }
  }
  return text;
}

}  // namespace lldm
