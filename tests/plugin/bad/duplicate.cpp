// SPDX-License-Identifier: MIT
// Its second component has the name of a built-in one: the first may not stay either.
#include <lldm/schedule/linear.hpp>

#include "component.hpp"

LLDM_PLUGIN("duplicate", "0.1.0", registry) {
  registry.add<SmallSchedule>().add<lldm::LinearSchedule>();
}
