// SPDX-License-Identifier: MIT
// Signals wait while oneDNN multiplies.  Its float32 kernels for AVX-512 keep a pointer into their
// workspace in the stack register: the frame of a signal that arrives then would be written there,
// into the heap (seen as "corrupted size vs. prev_size" in 5 of 135 runs that were asked to stop).
#pragma once

#include <signal.h>

namespace lldm {

/// While it lives, this thread and the threads of its parallel regions take no signal but those of
/// faults.  Helpers that exist are told in a parallel region; those that are made meanwhile inherit
/// it.  One inside another costs nothing: the outer one stands around whole passes of a block.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace lldm
