// SPDX-License-Identifier: MIT
// "Contains this text", which Catch2 2 and 3 name differently.
#pragma once

#include <string>

#include "support/catch.hpp"

namespace lldm::testing {

#if __has_include(<catch2/catch_all.hpp>)
inline auto contains(const std::string& text) { return Catch::Matchers::ContainsSubstring(text); }
#else
inline auto contains(const std::string& text) { return Catch::Matchers::Contains(text); }
#endif

}  // namespace lldm::testing
