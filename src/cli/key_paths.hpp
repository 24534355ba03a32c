// SPDX-License-Identifier: MIT
// Keys of the tables of a file by the path that leads to them: "optimizer.decay".
#pragma once

#include <string>
#include <vector>

#include "lldm/config/reader.hpp"

namespace lldm::cli {

using Fields = std::vector<config::FieldInfo>;

/// The names between the dots.
std::vector<std::string> segments_of(const std::string& name);
/// The key that the segments from `at` on lead to below `fields`; null if there is none.
const config::FieldInfo* field_at(const Fields& fields, const std::vector<std::string>& segments,
                                  std::size_t at);
/// Every path at which a key called `key` stands below `fields`.
void paths_of(const std::string& key, const std::string& prefix, const Fields& fields,
              std::vector<std::string>& paths);
/// The path of every key below `fields`.
void key_paths(const std::string& prefix, const Fields& fields, std::vector<std::string>& paths);

}  // namespace lldm::cli
