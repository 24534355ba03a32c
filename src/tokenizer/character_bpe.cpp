// SPDX-License-Identifier: MIT
#include "tokenizer/character_bpe.hpp"

#include <algorithm>
#include <utility>

#include "lldm/text/utf8.hpp"
#include "tokenizer/byte_fallback.hpp"

namespace lldm {

CharacterBpe::CharacterBpe(const TokenTable& table, const std::vector<BpeMerges::Merge>& merges,
                           MergeRanks ranks, Settings settings)
    : table_(table),
      merges_(merges, ranks == MergeRanks::by_result),
      settings_(std::move(settings)),
      has_seams_(settings_.prefix.empty() && settings_.suffix.empty()),
      cache_(std::make_unique<PieceCache>()) {
  for (unsigned byte = 0; byte < 256; ++byte)
    id_of_byte_[byte] =
        settings_.byte_fallback
            ? table.find_for_text(byte_fallback_token(static_cast<std::uint8_t>(byte)),
                                  SpecialText::plain)
            : -1;
  for (int code = 0; code < 128; ++code) {
    const char c = static_cast<char>(code);
    id_of_ascii_[static_cast<std::size_t>(c)] =
        table.find_for_text(std::string_view(&c, 1), SpecialText::recognise);
  }
  for (const auto& [left, right, result] : merges) {
    seams_.add_token(table.text_of_id[static_cast<std::size_t>(result)]);
    for (const std::int32_t part : {left, right})  // of no text's own characters
      if (part == settings_.unknown ||
          byte_of_fallback(table.text_of_id[static_cast<std::size_t>(part)]))
        has_seams_ = false;
  }
}

/// Behind an unknown character there is no seam: the unknown token may wait for the next one.
std::size_t CharacterBpe::first_seam(std::string_view piece) const {
  return seams_.first(piece, [&](std::size_t begin, std::size_t length) {
    return symbol(piece.substr(begin, length), false, false, SpecialText::recognise) >= 0;
  });
}

std::string CharacterBpe::decorated(std::string_view character, bool is_first, bool is_last) const {
  std::string text = is_first ? "" : settings_.prefix;
  text += character;
  if (is_last) text += settings_.suffix;
  return text;
}

std::int64_t CharacterBpe::symbol(std::string_view character, bool is_first, bool is_last,
                                  SpecialText mode) const {
  if (!settings_.prefix.empty() || !settings_.suffix.empty())
    return table_.find_for_text(decorated(character, is_first, is_last), mode);
  if (character.size() > 1) return table_.find_for_text(character, mode);
  const std::int64_t id = id_of_ascii_[static_cast<std::uint8_t>(character[0])];
  return table_.is_allowed(id, mode) ? id : -1;
}

bool CharacterBpe::append_bytes(std::string_view text, std::vector<std::int32_t>& symbols) const {
  const auto id = [&](char byte) { return id_of_byte_[static_cast<std::uint8_t>(byte)]; };
  if (!settings_.byte_fallback ||
      std::any_of(text.begin(), text.end(), [&](char byte) { return id(byte) < 0; }))
    return false;
  for (const char byte : text) symbols.push_back(static_cast<std::int32_t>(id(byte)));
  return true;
}

void CharacterBpe::start(std::string_view piece, SpecialText mode,
                         std::vector<std::int32_t>& symbols) const {
  // An unknown token waits for the next known character: those that fuse are one, and bytes that
  // stand in between go before it, as in the reference.
  bool waits = false;
  const auto put_unknown = [&] {
    if (waits) symbols.push_back(static_cast<std::int32_t>(settings_.unknown));
    waits = false;
  };
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t length = code_point_at(piece, at).length;
    const std::string_view character = piece.substr(at, length);
    const bool is_first = at == 0, is_last = at + length == piece.size();
    at += length;
    if (const std::int64_t id = symbol(character, is_first, is_last, mode); id >= 0) {
      put_unknown();
      symbols.push_back(static_cast<std::int32_t>(id));
    } else if (!append_bytes(decorated(character, is_first, is_last), symbols)) {
      if (settings_.unknown < 0) continue;
      if (!settings_.fuses_unknown) put_unknown();
      waits = true;
    }
  }
  put_unknown();
}

void CharacterBpe::merge(std::string_view piece, SpecialText mode,
                         std::vector<std::int32_t>& symbols) const {
  if (settings_.takes_whole_pieces)
    if (const std::int64_t id = table_.find_for_text(piece, mode); id >= 0) {
      symbols.assign(1, static_cast<std::int32_t>(id));
      return;
    }
  start(piece, mode, symbols);
  merges_.apply(symbols);
}

void CharacterBpe::encode(std::string_view piece, SpecialText mode,
                          std::vector<std::int64_t>& ids) const {
  const auto encode_part = [&](std::string_view part) {
    cache_->encode(part, mode, ids,
                   [&](std::vector<std::int32_t>& symbols) { merge(part, mode, symbols); });
  };
  if (!has_seams_ || settings_.takes_whole_pieces || mode == SpecialText::plain)
    return encode_part(piece);
  while (!piece.empty()) {
    const std::size_t length = first_seam(piece);
    encode_part(piece.substr(0, length));
    piece.remove_prefix(length);
  }
}

std::size_t CharacterBpe::find_missing(std::string_view piece) const {
  if (settings_.unknown >= 0) return std::string_view::npos;
  if (settings_.takes_whole_pieces && table_.find_for_text(piece, SpecialText::recognise) >= 0)
    return std::string_view::npos;
  std::vector<std::int32_t> ignored;
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t length = code_point_at(piece, at).length;
    const std::string_view character = piece.substr(at, length);
    const bool is_first = at == 0, is_last = at + length == piece.size();
    if (symbol(character, is_first, is_last, SpecialText::recognise) < 0 &&
        !append_bytes(decorated(character, is_first, is_last), ignored))
      return at;
    at += length;
  }
  return std::string_view::npos;
}

}  // namespace lldm
