// SPDX-License-Identifier: MIT
#include "cli/id_lists.hpp"

#include "lldm/errors.hpp"

namespace lldm::cli {

using nlohmann::json;

namespace {

std::vector<std::int64_t> integers_of(const json& values, const std::string& where) {
  if (!values.is_array() || values.empty())
    throw DataError(where + ": must be a list of whole numbers");
  std::vector<std::int64_t> list;
  for (const auto& value : values) {
    if (!value.is_number_integer())
      throw DataError(message(where, ": ", value.dump(), " is no whole number"));
    list.push_back(value.get<std::int64_t>());
  }
  return list;
}

}  // namespace

std::vector<std::vector<std::int64_t>> id_lists(const json& values, const std::string& where) {
  if (values.is_array() && !values.empty() && !values.front().is_array())
    return {integers_of(values, where)};
  if (!values.is_array() || values.empty())
    throw DataError(where + ": must be a list of texts, each a list of ids");
  std::vector<std::vector<std::int64_t>> lists;
  for (std::size_t i = 0; i < values.size(); ++i)
    lists.push_back(integers_of(values[i], message(where, "[", i, "]")));
  return lists;
}

}  // namespace lldm::cli
