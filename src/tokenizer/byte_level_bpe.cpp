// SPDX-License-Identifier: MIT
#include "tokenizer/byte_level_bpe.hpp"

#include <algorithm>
#include <utility>

namespace lldm {

ByteLevelBpe::ByteLevelBpe(const std::array<std::int32_t, 256>& symbol_of_byte, BpeMerges merges,
                           TextMap<std::int32_t> whole)
    : symbol_of_byte_(symbol_of_byte),
      has_all_symbols_(std::count(symbol_of_byte.begin(), symbol_of_byte.end(), kNoSymbol) == 0),
      merges_(std::move(merges)),
      whole_(std::move(whole)),
      cache_(std::make_unique<PieceCache>()) {}

std::size_t ByteLevelBpe::find_missing(std::string_view piece) const {
  if (has_all_symbols_) return std::string_view::npos;
  const auto found = std::find_if(piece.begin(), piece.end(), [&](char byte) {
    return symbol_of_byte_[static_cast<std::uint8_t>(byte)] == kNoSymbol;
  });
  if (found == piece.end() || whole_.contains(piece)) return std::string_view::npos;
  return static_cast<std::size_t>(found - piece.begin());
}

void ByteLevelBpe::encode(std::string_view piece, SpecialText mode,
                          std::vector<std::int64_t>& ids) const {
  cache_->encode(piece, mode, ids,
                 [&](std::vector<std::int32_t>& symbols) { merge(piece, symbols); });
}

void ByteLevelBpe::merge(std::string_view piece, std::vector<std::int32_t>& symbols) const {
  if (const auto found = whole_.find(piece); found != whole_.end()) {
    symbols.assign(1, found->second);
    return;
  }
  symbols.reserve(piece.size());
  for (const char byte : piece)
    if (const auto id = symbol_of_byte_[static_cast<std::uint8_t>(byte)]; id != kNoSymbol)
      symbols.push_back(id);
  merges_.apply(symbols);
}

}  // namespace lldm
