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

namespace detail {
template <class O>
void check_parts(const O& options, OptionsCheck& check);
}

/// Reads a table into an Options struct and runs its own `check`, if it has one and every key is
/// legal. True if nothing was wrong; everything wrong is in `context.diagnostics`.
template <OptionsStruct O>
bool read_struct(const Value& table, O& options, const ReadContext& context) {
  if (!read_table(table, fields<O>(), &options, context)) return false;
  OptionsCheck check(table, context.where, context.diagnostics);
  detail::check_parts(options, check);
  return check.ok();
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
  } else if constexpr (OptionType<T>) {
    return out.read(value, slot);
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
  } else if constexpr (OptionType<T>) {
    return member.write();
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

/// Element `I` of `describe()`, and so on down through parts.
template <class O, std::size_t I, std::size_t... Inner>
constexpr auto element_of() {
  constexpr auto element = std::get<I>(O::describe());
  if constexpr (sizeof...(Inner) == 0)
    return element;
  else
    return element_of<typename decltype(element)::member_type, Inner...>();
}

/// The member of `options` that `element_of` the same indices describes.
template <std::size_t I, std::size_t... Inner, class O>
auto& member_of(O& options) {
  constexpr auto element = std::get<I>(std::remove_const_t<O>::describe());
  if constexpr (sizeof...(Inner) == 0)
    return options.*(element.member);
  else
    return member_of<Inner...>(options.*(element.member));
}

template <class O, std::size_t... Path>
FieldInfo make_info(const O& defaults) {
  constexpr auto field = element_of<O, Path...>();
  using T = typename decltype(field)::member_type;
  using E = typename Element<T>::type;
  FieldInfo info;
  info.key = field.key, info.help = field.help, info.unit = field.unit_name;
  info.type = type_text<T>();
  info.limits = {field.min, field.max, field.min_open, field.max_open};
  info.range = range_text(info.limits, is_one_of<E, ByteSize>);
  info.is_required = field.is_required;
  info.old_key = field.old_key;
  if constexpr (std::is_enum_v<E>)
    for (const auto& choice : choices(std::type_identity<E>{}))
      info.choices.emplace_back(choice.name);
  if constexpr (requires { E::fields(); })
    info.fields = E::fields();
  else if constexpr (OptionsStruct<E>)
    info.fields = fields<E>();
  info.read = [](const Value& value, void* options, const Slot& slot) {
    return read_member(value, member_of<Path...>(*static_cast<O*>(options)), slot);
  };
  info.write = [](const void* options) {
    return write_member(member_of<Path...>(*static_cast<const O*>(options)));
  };
  set_default_text(info, &defaults, is_one_of<E, std::filesystem::path>);
  return info;
}

/// The fields behind one element of `describe()`: itself, or those of a part.
template <class O, std::size_t... Path>
void add_infos(std::vector<FieldInfo>& list, const O& defaults) {
  using Described = decltype(element_of<O, Path...>());
  if constexpr (is_part<Described>) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (add_infos<O, Path..., I>(list, defaults), ...);
    }(std::make_index_sequence<std::tuple_size_v<decltype(Described::member_type::describe())>>());
  } else {
    list.push_back(make_info<O, Path...>(defaults));
  }
}

/// The conditions of an Options struct and of its parts.
template <class O>
void check_parts(const O& options, OptionsCheck& check) {
  std::apply(
      [&](const auto&... elements) {
        [[maybe_unused]] const auto descend = [&](const auto& element) {
          if constexpr (is_part<std::remove_cvref_t<decltype(element)>>)
            check_parts(options.*(element.member), check);
        };
        (descend(elements), ...);
      },
      O::describe());
  if constexpr (ChecksItself<O>) options.check(check);
}

/// No member twice: together with the count of
/// OptionsStruct, every member exactly once.
template <class O>
consteval bool names_each_member_once() {
  return std::apply(
      [](const auto&... elements) {
        [[maybe_unused]] const auto clashes = [&](const auto& mine) {
          int same = 0;
          const auto compare = [&](const auto& other) {
            if constexpr (std::same_as<decltype(mine), decltype(other)>)
              same += mine.member == other.member ? 1 : 0;
          };
          (compare(elements), ...);
          return same > 1;
        };
        return !(clashes(elements) || ...);
      },
      O::describe());
}

template <class Described>
constexpr void add_keys(std::vector<std::string_view>& keys, const Described& element) {
  if constexpr (is_part<Described>)
    std::apply([&](const auto&... inner) { (add_keys(keys, inner), ...); },
               Described::member_type::describe());
  else
    keys.push_back(element.key);
}

/// No key twice, those of parts included.
template <class O>
constexpr bool names_each_key_once() {
  std::vector<std::string_view> keys;
  std::apply([&](const auto&... elements) { (add_keys(keys, elements), ...); }, O::describe());
  for (std::size_t i = 0; i < keys.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (keys[i] == keys[j]) return false;
  return true;
}

}  // namespace detail

template <OptionsStruct O>
const std::vector<FieldInfo>& fields() {
  static_assert(detail::names_each_member_once<O>() && detail::names_each_key_once<O>(),
                "lldm: describe() names a key or a member twice");
  static const std::vector<FieldInfo> infos = [] {
    const O defaults{};
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      std::vector<FieldInfo> list;
      (detail::add_infos<O, I>(list, defaults), ...);
      return list;
    }(std::make_index_sequence<std::tuple_size_v<decltype(O::describe())>>());
  }();
  return infos;
}

}  // namespace lldm::config
