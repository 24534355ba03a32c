// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace lldm {

/// Parses JSON from strangers: at most 64 levels deep, no key twice in one object.  DataError
/// otherwise, its text starting with `where`.
nlohmann::json parse_strict_json(std::string_view text, const std::string& where);

/// Reads a small text file whole.  DataError if it is missing or larger than `max_bytes`.
std::string read_text_file(const std::string& path, std::size_t max_bytes);

/// `valid`'s entry nearest to `name` by edit distance if it is near enough to be a slip, else
/// empty.
std::string nearest_name(std::string_view name, const std::vector<std::string>& valid);

}  // namespace lldm
