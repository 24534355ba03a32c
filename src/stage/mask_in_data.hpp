// SPDX-License-Identifier: MIT
// The mask token is what the model fills in: it is never data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lldm/config/value.hpp"
#include "stage/data_source.hpp"

namespace lldm {

/// The text of a tokenizer's mask token; "" where it has none.
std::string mask_text(const Tokenizer& tokenizer);

/// DataError naming every row (the first 20) whose prompt or answer holds the mask token's text:
/// it would be read as plain characters, which is not what anybody who writes it means.
/// `data`: the table the rows were read with, for file and line.
void refuse_mask_text(const std::vector<SourceRow>& rows, const Tokenizer& tokenizer);
/// The same for prompts; `what` begins the message, as in "stage "show"".
void refuse_mask_text(const std::vector<std::string>& prompts, const std::string& what,
                      const Tokenizer& tokenizer);

/// DataError if one of `ids` is the mask (`mask` >= 0); `where` is file and line, `key` the list.
void refuse_mask_id(const std::vector<std::int64_t>& ids, std::int64_t mask,
                    const std::string& where, std::string_view key);

}  // namespace lldm
