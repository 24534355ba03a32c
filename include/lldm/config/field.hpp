// SPDX-License-Identifier: MIT
// `describe()`: the only place where the TOML keys, help, ranges and units of an Options struct
// live.
#pragma once

#include <boost/pfr/tuple_size.hpp>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace lldm {

/// A size in memory; written in TOML with its unit: "2 GiB", "512 MiB".
struct ByteSize {
  std::int64_t bytes = 0;
  bool operator==(const ByteSize&) const = default;
};

/// One TOML name of one enumerator.  An enum that is an option's type has, beside it,
/// `constexpr auto choices(std::type_identity<E>)` returning a std::array of these.
template <class E>
struct Choice {
  std::string_view name;
  E value;
};

/// One member of an Options struct: its key, where it lives, what it means.
template <class Struct, class Member>
struct Field {
  using struct_type = Struct;
  using member_type = Member;
  std::string_view key;
  Member Struct::* member;
  std::string_view help;
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_open = false, max_open = false;
  std::string_view unit_name = {};
  bool is_required = false;
  std::string_view old_key = {};  // what it was called before

  /// Closed interval [low, high] of legal values (of every element, for arrays).
  constexpr Field range(double low, double high) const {
    auto copy = *this;
    copy.min = low, copy.max = high;
    return copy;
  }
  constexpr Field at_least(double low) const { return range(low, max); }
  /// Open interval (low, high).
  constexpr Field between(double low, double high) const {
    auto copy = range(low, high);
    copy.min_open = copy.max_open = true;
    return copy;
  }
  /// Strictly above `low`.
  constexpr Field above(double low) const {
    auto copy = range(low, max);
    copy.min_open = true;
    return copy;
  }
  /// Strictly below `high`.
  constexpr Field below(double high) const {
    auto copy = range(min, high);
    copy.max_open = true;
    return copy;
  }
  constexpr Field unit(std::string_view name) const {
    auto copy = *this;
    copy.unit_name = name;
    return copy;
  }
  constexpr Field required() const {
    auto copy = *this;
    copy.is_required = true;
    return copy;
  }
  /// The old name is an error that names the new one.
  constexpr Field renamed_from(std::string_view name) const {
    auto copy = *this;
    copy.old_key = name;
    return copy;
  }
};

template <class Struct, class Member>
constexpr Field<Struct, Member> field(std::string_view key, Member Struct::* member,
                                      std::string_view help) {
  return {key, member, help};
}

/// A member that is a struct of settings itself and whose keys stand in the table of its holder:
/// how components share options without repeating them.
template <class Struct, class Member>
struct Part {
  using struct_type = Struct;
  using member_type = Member;
  Member Struct::* member;
};

template <class Struct, class Member>
constexpr Part<Struct, Member> part(Member Struct::* member) {
  return {member};
}

/// A plain struct of settings whose `describe()` names every member: Boost.PFR counts the members,
/// so a forgotten one is a compile error.
template <class T>
concept OptionsStruct = std::is_aggregate_v<T> && std::default_initializable<T> && requires {
  T::describe();
} && (std::tuple_size_v<decltype(T::describe())> == boost::pfr::tuple_size_v<T>);

}  // namespace lldm
