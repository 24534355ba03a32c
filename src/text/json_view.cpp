// SPDX-License-Identifier: MIT
#include <algorithm>

#include "lldm/text/utf8.hpp"

#include "text/json.hpp"

namespace lldm {

void JsonView::fail(std::string_view what) const {
  throw DataError(message(*file_, ": ", path_.empty() ? "top level" : path_, ": ", what));
}

void JsonView::require_object() const {
  if (!value_->is_object()) fail(message("must be an object, is ", value_->type_name()));
}

void JsonView::require_array() const {
  if (!value_->is_array()) fail(message("must be an array, is ", value_->type_name()));
}

void JsonView::only_keys(std::span<const std::string_view> keys) const {
  require_object();
  for (const auto& [key, unused] : value_->items()) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    std::string known;
    for (const std::string_view k : keys) known += (known.empty() ? "" : ", ") + std::string(k);
    fail(message("has the key \"", shortened(key, 60),
                 "\", which lldm does not implement\n  keys: ", known));
  }
}

std::optional<JsonView> JsonView::find(std::string_view key) const {
  require_object();
  const auto found = value_->find(std::string(key));
  if (found == value_->end() || found->is_null()) return std::nullopt;
  return JsonView(*found, *file_, path_ + (path_.empty() ? "" : ".") + std::string(key));
}

JsonView JsonView::at(std::string_view key) const {
  if (auto found = find(key)) return *found;
  fail(message("the key \"", key, "\" is missing or null"));
}

JsonView JsonView::at(std::size_t index) const {
  return {value_->at(index), *file_, message(path_, "[", index, "]")};
}

const std::string& JsonView::text() const {
  if (!value_->is_string()) fail(message("must be a string, is ", value_->type_name()));
  return value_->get_ref<const std::string&>();
}

bool JsonView::boolean() const {
  if (!value_->is_boolean()) fail(message("must be true or false, is ", value_->type_name()));
  return value_->get<bool>();
}

std::int64_t JsonView::integer(std::int64_t low, std::int64_t high) const {
  const bool fits = value_->is_number_integer() &&
                    !(value_->is_number_unsigned() && value_->get<std::uint64_t>() >> 63 != 0);
  if (!fits || value_->get<std::int64_t>() < low || value_->get<std::int64_t>() > high)
    fail(message("must be an integer from ", low, " to ", high, ", is ",
                 shortened(value_->dump(), 40)));
  return value_->get<std::int64_t>();
}

double JsonView::real() const {
  if (!value_->is_number()) fail(message("must be a number, is ", value_->type_name()));
  return value_->get<double>();
}

}  // namespace lldm
