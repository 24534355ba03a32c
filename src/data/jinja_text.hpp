// SPDX-License-Identifier: MIT
// Methods of texts, as Python's str has them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/jinja_value.hpp"

namespace lldm::jinja {

[[nodiscard]] std::vector<std::string> characters_of(std::string_view text);
/// str.strip: white space for none, else the characters of a text.
[[nodiscard]] std::string_view strip(std::string_view text, const Value& characters, bool left,
                                     bool right);
/// Nothing where str has no method of the name that is implemented.
[[nodiscard]] std::optional<Value> text_method(const std::string& text, std::string_view name,
                                               const Arguments& arguments);

}  // namespace lldm::jinja
