// SPDX-License-Identifier: MIT
#pragma once

namespace lldm {

class Registry;

/// Adds every component that lldm brings.  A plugin's are added in the same way and are not told
/// apart.
void register_builtin_components(Registry& registry);

}  // namespace lldm
