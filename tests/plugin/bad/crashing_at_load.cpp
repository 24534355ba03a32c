// SPDX-License-Identifier: MIT
// Crashes while the system's loader runs its initialisers.
#include <csignal>

#include "component.hpp"

namespace {
const int kCrash = std::raise(SIGSEGV);
}

LLDM_PLUGIN("crashing_at_load", "0.1.0", registry) {
  if (kCrash == 0) registry.add<SmallSchedule>();
}
