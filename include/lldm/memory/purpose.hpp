// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lldm {

/// What memory is for.  Every large or long-lived allocation is made under a PurposeScope.
enum class MemoryPurpose : std::uint8_t {
  unscoped,  // nothing of ours asked for it: shown, so that nothing hides
  weights,
  adapter,
  gradients,
  optimizer,
  activations,
  logits,
  staging,
  workspace,
};
inline constexpr std::array<std::string_view, 9> kMemoryPurposeNames = {
    "unscoped",    "weights", "adapter", "gradients", "optimizer",
    "activations", "logits",  "staging", "workspace"};

/// Marks the allocations of this thread (and of the backward passes it starts on the CPU) with a
/// purpose.
class PurposeScope {
 public:
  explicit PurposeScope(MemoryPurpose purpose) noexcept;
  ~PurposeScope();
  PurposeScope(const PurposeScope&) = delete;
  PurposeScope& operator=(const PurposeScope&) = delete;

  static MemoryPurpose current() noexcept;

 private:
  MemoryPurpose previous_;
};

}  // namespace lldm
