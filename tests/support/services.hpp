// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"

namespace lldm::testing {

/// Services for components that touch neither memory nor device.
class TestServices {
 public:
  explicit TestServices(const Registry& registry)
      : services_{registry, reinterpret_cast<MemoryManager&>(untouched_[0]), null_logger(),
                  Draws(1, "test"), nullptr} {}
  [[nodiscard]] const Services& get() const { return services_; }

 private:
  // A reference needs something to refer to; nothing reads it.
  alignas(std::max_align_t) std::byte untouched_[64] = {};
  Services services_;
};

}  // namespace lldm::testing
