// SPDX-License-Identifier: MIT
// What a component is made with where it is only looked at, before a stage runs.  Private to src.
#pragma once

#include <memory>
#include <utility>

#include "lldm/draws/stream.hpp"
#include "lldm/services.hpp"
#include "lldm/track/logger.hpp"

namespace lldm {

/// Services that log nothing, on the CPU; `memory` and `registry` must outlive them.
inline Services quiet_services(const Registry& registry, MemoryManager& memory, Draws draws,
                               std::shared_ptr<const Tokenizer> tokenizer = nullptr) {
  return {.registry = registry,
          .memory = memory,
          .logger = null_logger(),
          .draws = std::move(draws),
          .tokenizer = std::move(tokenizer)};
}

}  // namespace lldm
