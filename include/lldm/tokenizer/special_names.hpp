// SPDX-License-Identifier: MIT
// Special tokens by role and by text.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "lldm/concepts/tokenizer.hpp"

namespace lldm {

/// Text of the special token of each role; empty where there is none.  Two roles may share one
/// token (LLaDA pads with its end of text).
struct SpecialNames {
  std::string mask = {};
  std::string end_of_text = {};
  std::string begin_of_text = {};
  std::string end_of_turn = {};
  std::string padding = {};
  bool operator==(const SpecialNames&) const = default;
};

/// One role: its key in files, its text, its id, and whether texts hold it: such a token is never
/// the mask too.
struct SpecialRole {
  std::string_view key;
  std::string SpecialNames::* text;
  std::int64_t SpecialTokens::* id;
  bool in_texts;
};

/// The roles, in the order in which built-in tokenizers number them.
inline constexpr std::array<SpecialRole, 5> kSpecialRoles = {{
    {"mask", &SpecialNames::mask, &SpecialTokens::mask, false},
    {"end_of_text", &SpecialNames::end_of_text, &SpecialTokens::end_of_text, true},
    {"begin_of_text", &SpecialNames::begin_of_text, &SpecialTokens::begin_of_text, true},
    {"end_of_turn", &SpecialNames::end_of_turn, &SpecialTokens::end_of_turn, true},
    {"padding", &SpecialNames::padding, &SpecialTokens::padding, false},
}};

}  // namespace lldm
