// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <type_traits>

namespace lldm::config {

/// What a file calls one of an enumeration's values; "?" for none of them.
template <class E>
std::string choice_name(E value) {
  for (const auto& choice : choices(std::type_identity<E>{}))
    if (choice.value == value) return std::string(choice.name);
  return "?";
}

}  // namespace lldm::config
