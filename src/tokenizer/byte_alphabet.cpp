// SPDX-License-Identifier: MIT
#include "tokenizer/byte_alphabet.hpp"

#include <array>

#include "lldm/text/utf8.hpp"

namespace lldm {
namespace {

constexpr char32_t kSymbolEnd = 0x100 + 68;  // 68 bytes are not printable

constexpr bool is_printable(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

struct Tables {
  std::array<char32_t, 256> symbol_of_byte = {};
  std::array<int, kSymbolEnd> byte_of_symbol = {};
};

constexpr Tables make_tables() {
  Tables tables;
  for (int& byte : tables.byte_of_symbol) byte = -1;
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char32_t symbol = is_printable(byte) ? byte : next++;
    tables.symbol_of_byte[byte] = symbol;
    tables.byte_of_symbol[symbol] = static_cast<int>(byte);
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

char32_t byte_symbol(unsigned char byte) { return kTables.symbol_of_byte[byte]; }

std::string symbols_of_bytes(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 3 / 2);
  for (const char byte : bytes) append_utf8(text, byte_symbol(static_cast<unsigned char>(byte)));
  return text;
}

std::optional<std::string> bytes_of_symbols(std::string_view text) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint symbol = code_point_at(text, at);
    if (symbol.value >= kSymbolEnd || kTables.byte_of_symbol[symbol.value] < 0) return std::nullopt;
    bytes += static_cast<char>(kTables.byte_of_symbol[symbol.value]);
    at += symbol.length;
  }
  return bytes;
}

}  // namespace lldm
