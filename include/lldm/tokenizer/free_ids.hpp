// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/concepts/tokenizer.hpp"

namespace lldm {

/// The text of a mask that a model has and the files of its tokenizer do not.
inline constexpr std::string_view kAddedMask = "<|mask|>";

/// What keeps an id from being a mask: it has another role, or a text may be written with it.
/// Empty where nothing does: ids behind the tokenizer's, special tokens, and tokens that the file
/// calls unused ("[unused7]", "<extra_id_3>") and that no text of theirs is encoded to.
///
/// Range   id >= 0.
[[nodiscard]] std::string use_of_id(const Tokenizer& tokenizer, std::int64_t id);

/// The first `most` ids of the tokenizer that `use_of_id` has nothing against, from the last down:
/// reserved tokens stand behind the others.
[[nodiscard]] std::vector<std::int64_t> reserved_ids(const Tokenizer& tokenizer, std::size_t most);

}  // namespace lldm
