// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace lldm {

/// What to write instead of a key that other libraries give an objective, or why there is nothing
/// to write; "" for any other key.
std::string_view foreign_key_hint(std::string_view key);

}  // namespace lldm
