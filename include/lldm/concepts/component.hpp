// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <string_view>

#include "lldm/config/field.hpp"

namespace lldm {

struct Services;

/// One line that `lldm describe` prints of a component beside its options: {"target", "elbo"}.
struct Fact {
  std::string_view name, text;
};

/// What the registry needs of any role: a TOML name, one line of description, described options,
/// and construction from them (with the Services where a component asks for them).  A static
/// `facts()`, an array of Fact, is printed where there is one; built-in score estimators all have
/// it.
template <class C>
concept Component = OptionsStruct<typename C::Options> &&
                    (std::constructible_from<C, const typename C::Options&> ||
                     std::constructible_from<C, const typename C::Options&, const Services&>) &&
                    requires {
                      { C::name() } -> std::same_as<std::string_view>;
                      { C::description() } -> std::same_as<std::string_view>;
                    };

}  // namespace lldm
