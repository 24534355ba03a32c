// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace lldm {

/// Steps that did not fit into memory and were done again, and what the run does since.
struct MemoryRetries {
  std::int64_t count = 0;
  std::int64_t max_tokens_per_forward = 0;  // 0: as the stage is set up
  std::int64_t head_halvings = 0;           // of the rows whose logits exist at once

  [[nodiscard]] bool is_any() const { return count > 0 || head_halvings > 0; }
};

}  // namespace lldm
