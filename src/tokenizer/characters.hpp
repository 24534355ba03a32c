// SPDX-License-Identifier: MIT
// Questions about single characters, answered as the reference's normalizers and pre-tokenizers do.
#pragma once

#include <string>

namespace lldm {

/// White_Space of Unicode.
[[nodiscard]] bool is_white_space(char32_t c);
/// ASCII punctuation and symbols, and the categories P.
[[nodiscard]] bool is_punctuation(char32_t c);
/// The categories N.
[[nodiscard]] bool is_number(char32_t c);
/// The categories M, as StripAccents has them.
[[nodiscard]] bool is_mark(char32_t c);
/// The category Mn, as BertNormalizer has it.
[[nodiscard]] bool is_nonspacing_mark(char32_t c);
/// What BertNormalizer's clean_text removes: control and format characters, U+FFFD.
[[nodiscard]] bool is_cleaned_away(char32_t c);
/// The blocks of Chinese characters of BertNormalizer.
[[nodiscard]] bool is_chinese(char32_t c);
/// The number of the script that UnicodeScripts sees; 0 for what has none (spaces, new characters).
[[nodiscard]] int script_of(char32_t c);

/// Appends the lower case of a character: no context (a final sigma is any sigma).
void append_lower_case(std::string& text, char32_t c);

}  // namespace lldm
