// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "lldm/config/field.hpp"

namespace lldm {

namespace memory {
class CopyEngine;
}

/// Where the matrices of blocks lie that no gradient reaches; the numbers are the same.
enum class FrozenWeights : std::uint8_t {
  resident,  // on the device
  streamed,  // in the host's memory; a few blocks at a time pass through the device
};

constexpr auto choices(std::type_identity<FrozenWeights>) {
  return std::array{Choice<FrozenWeights>{"resident", FrozenWeights::resident},
                    Choice<FrozenWeights>{"streamed", FrozenWeights::streamed}};
}

inline constexpr std::int64_t kStreamedBlocks = 2;

/// Where and, of streamed ones, how many blocks the device holds at once (from 2 on: one is
/// computed with while the next arrives).
struct WeightPlacement {
  FrozenWeights where = FrozenWeights::resident;
  std::int64_t blocks = kStreamedBlocks;
  // For tests: copies of their own (null: those of the device), and whether what is given back is
  // written over.
  std::shared_ptr<memory::CopyEngine> copies = nullptr;
  bool poisons = false;

  [[nodiscard]] bool is_streamed() const { return where == FrozenWeights::streamed; }
};

}  // namespace lldm
