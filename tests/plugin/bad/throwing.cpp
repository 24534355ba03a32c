// SPDX-License-Identifier: MIT
// Adds a component, then throws: nothing of it may stay.
#include <stdexcept>

#include "component.hpp"

LLDM_PLUGIN("throwing", "0.1.0", registry) {
  registry.add<SmallSchedule>();
  throw std::runtime_error("the table of constants is missing");
}
