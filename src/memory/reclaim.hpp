// SPDX-License-Identifier: MIT
// What is given up where memory is short, in a fixed order.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "lldm/memory/purpose.hpp"

namespace lldm::memory {

/// In the order in which they are taken: what costs least to do without comes first.
enum class ReclaimStep : std::uint8_t {
  look_ahead,    // weights that were brought before they are needed
  logits_chunk,  // half the rows whose logits exist at once
  kept_blocks,   // memory that LibTorch's allocators keep for later
};
inline constexpr std::array<std::string_view, 3> kReclaimStepNames = {"look_ahead", "logits_chunk",
                                                                      "kept_blocks"};

inline std::string_view name_of(ReclaimStep step) {
  return kReclaimStepNames[static_cast<std::size_t>(step)];
}

/// What one step gave.
struct Reclaimed {
  ReclaimStep step = ReclaimStep::look_ahead;
  std::int64_t bytes = 0;  // that are free now, or that later passes need less
};

/// Bytes given up; 0: there was nothing.  Called by the thread that trains or scores, while no pass
/// of the model runs.
using ReclaimHook = std::function<std::int64_t()>;

/// A hook, as long as it lives.
class ReclaimRegistration {
 public:
  ReclaimRegistration(ReclaimStep step, ReclaimHook hook);
  ~ReclaimRegistration();
  ReclaimRegistration(const ReclaimRegistration&) = delete;
  ReclaimRegistration& operator=(const ReclaimRegistration&) = delete;

 private:
  std::uint64_t number_;
};

/// Every step in its order, the hooks of a step in that of their registration; what gave nothing is
/// left out.  Kept blocks are the process's own (host and GPU) and have no hook.
std::vector<Reclaimed> reclaim_all();
/// The same without what later passes would be done otherwise for: look-ahead and kept blocks.
std::vector<Reclaimed> reclaim_kept();

/// A purpose passed its soft budget: `reclaim_asked` has something to do.  Lock-free.
void ask_to_reclaim(MemoryPurpose purpose) noexcept;

/// What was asked for since the last call: look-ahead for weights and staging, the chunk of logits
/// for logits, kept blocks for every purpose once.  Costs an atomic read where nothing was.
std::vector<Reclaimed> reclaim_asked();

/// The purpose has a new soft budget, for which kept blocks are given back once more.
void renew_reclaim(MemoryPurpose purpose) noexcept;

}  // namespace lldm::memory
