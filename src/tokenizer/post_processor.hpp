// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "text/json.hpp"
#include "tokenizer/token_model.hpp"

namespace lldm {

/// Ids that a post_processor puts before and behind a single text.
struct TemplateTokens {
  std::vector<std::int64_t> before, behind;
};

/// `post_processor` of a tokenizer.json.  DataError naming the JSON path of what is not
/// implemented.
[[nodiscard]] TemplateTokens read_post_processor(const JsonView& root, const TokenTable& table);

}  // namespace lldm
