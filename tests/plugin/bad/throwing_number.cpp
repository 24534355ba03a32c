// SPDX-License-Identifier: MIT
#include "component.hpp"

LLDM_PLUGIN("throwing_number", "0.1.0", registry) {
  registry.add<SmallSchedule>();
  throw 42;
}
