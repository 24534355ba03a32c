// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lldm {

/// GPT-2's printable alphabet of the 256 bytes: printable Latin-1 stands for itself, the rest for
/// U+0100, U+0101, ... in order.  (Radford et al. 2019, encoder.py, bytes_to_unicode.)
[[nodiscard]] char32_t byte_symbol(unsigned char byte);

/// A token written in that alphabet as bytes; nullopt when it holds another character.
[[nodiscard]] std::optional<std::string> bytes_of_symbols(std::string_view valid_utf8);

/// Every byte of a text as its character.
[[nodiscard]] std::string symbols_of_bytes(std::string_view bytes);

}  // namespace lldm
