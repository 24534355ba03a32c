// SPDX-License-Identifier: MIT
#include <lldm/plugin/plugin.hpp>

LLDM_PLUGIN("empty", "0.1.0", registry) { (void)registry; }
