// SPDX-License-Identifier: MIT
#pragma once

namespace lldm::memory {

class Ledger;

/// Makes LibTorch's CPU allocations count in `ledger`.
/// Errors  Error if another ledger has them.
void install_cpu_allocator(Ledger& ledger);
/// Puts back the allocator that install_cpu_allocator found; tensors counted until then stay valid.
void uninstall_cpu_allocator() noexcept;

}  // namespace lldm::memory
