// SPDX-License-Identifier: MIT
// Tables <-> Options structs.  A thin typed front over config/field_info.hpp.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "lldm/config/component_ref.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/config/field.hpp"
#include "lldm/config/field_info.hpp"
#include "lldm/config/option_types.hpp"
#include "lldm/config/options_check.hpp"

namespace lldm::config {

template <class O>
concept ChecksItself = requires(const O& options, OptionsCheck& check) { options.check(check); };

/// The keys of an Options struct, in the order of `describe()`.
template <OptionsStruct O>
const std::vector<FieldInfo>& fields();

/// Reads a table into an Options struct and runs its own `check`, if it has one and every key is
/// legal. True if nothing was wrong; everything wrong is in `context.diagnostics`.
template <OptionsStruct O>
bool read_struct(const Value& table, O& options, const ReadContext& context) {
  if (!read_table(table, fields<O>(), &options, context)) return false;
  if constexpr (ChecksItself<O>) {
    OptionsCheck check(table, context.where, context.diagnostics);
    options.check(check);
    return check.ok();
  }
  return true;
}

/// Reads a table into an Options struct; members that are wrong or missing keep their defaults, and
/// the errors are in `diagnostics`.  `where` begins every message: "[memory]", "stage \"sft\"
/// [optimizer]".
template <OptionsStruct O>
[[nodiscard]] O read_options(const Value& table, Diagnostics& diagnostics, std::string_view where,
                             const ComponentChecker* components = nullptr) {
  O options{};
  read_struct(table, options, ReadContext{diagnostics, std::string(where), components});
  return options;
}

/// The table that `read_options` reads back as equal options, defaults included.
template <OptionsStruct O>
[[nodiscard]] Value write_options(const O& options) {
  return write_table(fields<O>(), &options);
}

/// ConfigError with every key that is out of its range or clashes with another: for options that
/// were filled in by a program instead of a file.  `where` begins every message.
template <OptionsStruct O>
void require_legal(const O& options, std::string_view where) {
  Diagnostics diagnostics;
  O again{};
  read_struct(write_options(options), again, ReadContext{diagnostics, std::string(where), nullptr});
  diagnostics.throw_if_any();
}

namespace detail {

template <class Extra>
std::vector<std::string> keys_of() {
  std::vector<std::string> keys;
  for (const FieldInfo& info : fields<Extra>()) keys.push_back(info.key);
  return keys;
}

template <class T>
bool read_component_ref(const Value& value, T& out, const Slot& slot) {
  using Extra = typename T::extra_type;
  const std::vector<std::string> extra_keys = keys_of<Extra>();
  const bool is_ok =
      read_component(value, {out.table, out.bound}, role_name(T::kRole), extra_keys, slot);
  if (extra_keys.empty() || !(value.is_table() || value.is_string())) return is_ok;
  Value own = Value::table({}, value.position());
  for (const std::string& key : extra_keys)
    if (const Member* member = value.find(key)) own.set(key, member->value, member->position);
  ReadContext context = slot.context;
  context.where += " " + in_quotes(slot.info.key) + slot.element;
  context.extra_keys.clear();
  return read_struct(own, out.extra, context) && is_ok;
}

template <class T>
bool read_member(const Value& value, T& out, const Slot& slot) {
  if constexpr (is_optional<T>) {
    return read_member(value, out.emplace(), slot);
  } else if constexpr (is_vector<T>) {
    if (!value.is_array()) return slot.wrong_type(value);
    out.clear();
    bool is_ok = true;
    for (const Value& element : value.as_array()) {
      const Slot inner{slot.info, slot.context,
                       slot.element + " element " + std::to_string(out.size())};
      typename T::value_type item{};
      is_ok = read_member(element, item, inner) && is_ok;
      out.push_back(std::move(item));
    }
    return is_ok;
  } else if constexpr (is_component<T>) {
    return read_component_ref(value, out, slot);
  } else if constexpr (std::is_enum_v<T>) {
    std::size_t index = 0;
    if (!read_choice(value, index, slot)) return false;
    out = choices(std::type_identity<T>{})[index].value;
    return true;
  } else if constexpr (OptionsStruct<T>) {
    if (!value.is_table()) return slot.wrong_type(value);
    ReadContext context = slot.context;
    context.where += " " + in_quotes(slot.info.key) + slot.element;
    context.extra_keys.clear();
    return read_struct(value, out, context);
  } else {
    return read_value(value, out, slot);
  }
}

template <class T>
std::optional<Value> write_member(const T& member) {
  if constexpr (is_optional<T>) {
    return member ? write_member(*member) : std::nullopt;
  } else if constexpr (is_vector<T>) {
    Array elements;
    for (const auto& element : member)
      if (auto value = write_member(typename T::value_type(element)))
        elements.push_back(std::move(*value));
    return Value::array(std::move(elements));
  } else if constexpr (is_component<T>) {
    if (member.type().empty()) return std::nullopt;
    Value table = merged(member.table, write_options(member.extra));
    if (table.as_table().size() == 1) return table.find("type")->value;
    return table;
  } else if constexpr (std::is_enum_v<T>) {
    for (const auto& choice : choices(std::type_identity<T>{}))
      if (choice.value == member) return Value::string(std::string(choice.name));
    return std::nullopt;
  } else if constexpr (OptionsStruct<T>) {
    return write_options(member);
  } else if constexpr (is_one_of<T, Value>) {
    if (member.is_table() && member.as_table().empty()) return std::nullopt;  // not given
    return member;
  } else {
    return write_value(member);
  }
}

template <class O, std::size_t I>
FieldInfo make_info(const O& defaults) {
  constexpr auto field = std::get<I>(O::describe());
  using T = typename decltype(field)::member_type;
  using E = typename Element<T>::type;
  FieldInfo info;
  info.key = field.key, info.help = field.help, info.unit = field.unit_name;
  info.type = type_text<T>();
  info.limits = {field.min, field.max, field.min_open, field.max_open};
  info.range = range_text(info.limits, is_one_of<E, ByteSize>);
  info.is_required = field.is_required;
  if constexpr (std::is_enum_v<E>)
    for (const auto& choice : choices(std::type_identity<E>{}))
      info.choices.emplace_back(choice.name);
  if constexpr (OptionsStruct<E>) info.fields = fields<E>();
  info.read = [](const Value& value, void* options, const Slot& slot) {
    constexpr auto self = std::get<I>(O::describe());
    return read_member(value, static_cast<O*>(options)->*(self.member), slot);
  };
  info.write = [](const void* options) {
    constexpr auto self = std::get<I>(O::describe());
    return write_member(static_cast<const O*>(options)->*(self.member));
  };
  set_default_text(info, &defaults, is_one_of<E, std::filesystem::path>);
  return info;
}

/// No key twice, no member twice: together with the count of OptionsStruct, every member exactly
/// once.
template <class O>
consteval bool names_each_member_once() {
  return std::apply(
      [](const auto&... fields) {
        [[maybe_unused]] const auto clashes = [&](const auto& mine) {
          int same = 0;
          const auto compare = [&](const auto& other) {
            bool is_same = mine.key == other.key;
            if constexpr (std::same_as<decltype(mine), decltype(other)>)
              is_same = is_same || mine.member == other.member;
            same += is_same ? 1 : 0;
          };
          (compare(fields), ...);
          return same > 1;
        };
        return !(clashes(fields) || ...);
      },
      O::describe());
}

}  // namespace detail

template <OptionsStruct O>
const std::vector<FieldInfo>& fields() {
  static_assert(detail::names_each_member_once<O>(),
                "lldm: describe() names a key or a member twice");
  static const std::vector<FieldInfo> infos = [] {
    const O defaults{};
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      std::vector<FieldInfo> list;
      (list.push_back(detail::make_info<O, I>(defaults)), ...);
      return list;
    }(std::make_index_sequence<std::tuple_size_v<decltype(O::describe())>>());
  }();
  return infos;
}

}  // namespace lldm::config
