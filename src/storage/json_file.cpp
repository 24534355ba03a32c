// SPDX-License-Identifier: MIT
#include "storage/json_file.hpp"

#include "storage/input_file.hpp"

namespace lldm {

nlohmann::json load_json(const std::filesystem::path& file, const JsonLimits& limits) {
  return parse_json(read_input(file, limits.max_bytes), file.string(), limits);
}

nlohmann::ordered_json load_ordered_json(const std::filesystem::path& file,
                                         const JsonLimits& limits) {
  return parse_ordered_json(read_input(file, limits.max_bytes), file.string(), limits);
}

}  // namespace lldm
