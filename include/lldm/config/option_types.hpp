// SPDX-License-Identifier: MIT
// The C++ types that an option may have, and what they are called in messages and docs.
#pragma once

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "lldm/config/component_ref.hpp"
#include "lldm/config/field.hpp"
#include "lldm/config/value.hpp"

namespace lldm::config {

struct Slot;

/// A type that is an option by itself, neither a number nor a table of fixed keys:
///   1. `option_type()` says what a value is, for messages and docs ("integer or \"own\"");
///   2. `read(given, slot)` takes a value over, or reports to the slot and returns false;
///   3. `write()` is the value that reads back; nothing where none was given.
template <class T>
concept OptionType = requires(T& out, const T& value, const Value& given, const Slot& slot) {
  { T::option_type() } -> std::same_as<std::string_view>;
  { out.read(given, slot) } -> std::same_as<bool>;
  { value.write() } -> std::same_as<std::optional<Value>>;
};

}  // namespace lldm::config

namespace lldm::config::detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;
template <class T>
inline constexpr bool is_component = false;
template <Role R, class Extra>
inline constexpr bool is_component<ComponentRef<R, Extra>> = true;
template <class T>
inline constexpr bool is_part = false;
template <class Struct, class Member>
inline constexpr bool is_part<Part<Struct, Member>> = true;
template <class T, class... Others>
inline constexpr bool is_one_of = (std::same_as<T, Others> || ...);

/// The type whose values are written in TOML: of an optional or of a list, its element's.
template <class T>
struct Element {
  using type = T;
};
template <class T>
struct Element<std::optional<T>> : Element<T> {};
template <class T>
struct Element<std::vector<T>> : Element<T> {};

template <class T>
std::string type_text() {
  if constexpr (is_optional<T>) {
    return type_text<typename T::value_type>();
  } else if constexpr (is_vector<T>) {
    return "list of " + type_text<typename T::value_type>() + "s";
  } else if constexpr (is_component<T>) {
    return std::string(role_name(T::kRole));
  } else if constexpr (OptionType<T>) {
    return std::string(T::option_type());
  } else if constexpr (std::is_enum_v<T>) {
    return "choice";
  } else if constexpr (is_one_of<T, bool>) {
    return "boolean";
  } else if constexpr (is_one_of<T, std::int64_t>) {
    return "integer";
  } else if constexpr (is_one_of<T, double>) {
    return "number";
  } else if constexpr (is_one_of<T, std::string>) {
    return "string";
  } else if constexpr (is_one_of<T, ByteSize>) {
    return "size";
  } else if constexpr (is_one_of<T, std::filesystem::path>) {
    return "path";
  } else if constexpr (is_one_of<T, Value>) {
    return "value";
  } else if constexpr (is_one_of<T, std::map<std::string, double>>) {
    return "table of numbers";
  } else {
    static_assert(OptionsStruct<T>,
                  "lldm: this type cannot be an option, see config/option_types.hpp");
    return "table";
  }
}

}  // namespace lldm::config::detail
