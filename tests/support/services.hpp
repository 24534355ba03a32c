// SPDX-License-Identifier: MIT
#pragma once

#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"

namespace lldm::testing {

/// Services of a fixed seed, without a tokenizer.
class TestServices {
 public:
  explicit TestServices(const Registry& registry) : services_{registry, Draws(1, "test")} {}
  [[nodiscard]] const Services& get() const { return services_; }

 private:
  Services services_;
};

}  // namespace lldm::testing
