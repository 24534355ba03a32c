// SPDX-License-Identifier: MIT
#pragma once

namespace lldm::memory {
class Ledger;
}

namespace lldm::cuda {

/// Counts LibTorch's CUDA allocations in `ledger` from now on, nullptr: no longer.  Initialises
/// CUDA and decorates its caching allocator on the first call with a ledger.  Needs a device.
void count_in(memory::Ledger* ledger);

}  // namespace lldm::cuda
