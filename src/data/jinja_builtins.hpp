// SPDX-License-Identifier: MIT
// Filters, tests, methods and functions of the Jinja subset, each as Python and Jinja have it.
#pragma once

#include <optional>
#include <string_view>

#include "data/jinja_value.hpp"

namespace lldm::jinja {

// Each is a Failure that names what is not implemented, when it is run and no sooner: a template
// may hold what a conversation without tools never reaches.
[[nodiscard]] Value apply_filter(std::string_view name, const Value& value,
                                 const Arguments& arguments);
[[nodiscard]] bool apply_test(std::string_view name, const Value& value,
                              const Arguments& arguments);
/// Nothing where the object's type has no such method.
[[nodiscard]] std::optional<Value> call_method(const Value& object, std::string_view name,
                                               const Arguments& arguments);
/// namespace, dict, range and transformers' raise_exception; undefined for others.
[[nodiscard]] Value global_function(std::string_view name);

/// The values of a list, a text's characters, a dict's keys, or nothing of what is undefined.
[[nodiscard]] List items_of(const Value& value);
[[nodiscard]] std::int64_t length_of(const Value& value);
[[nodiscard]] bool contains(const Value& container, const Value& value);
/// value[start:stop:step] of a list or a text; parts may be none.
[[nodiscard]] Value slice_of(const Value& value, const Value& start, const Value& stop,
                             const Value& step);

}  // namespace lldm::jinja
