// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lldm {

/// The expression by which a published family cuts its texts: gpt2, cl100k, o200k, llama3, qwen2.
/// A text that is none of these names is an expression itself.
[[nodiscard]] std::string pattern_named(std::string_view name);

/// `pre_tokenizer` of a tokenizer.json: Split by the expression, then a ByteLevel without its own.
[[nodiscard]] nlohmann::json split_by_pattern(const std::string& expression);

}  // namespace lldm
