// SPDX-License-Identifier: MIT
// NCCL, as libtorch_cuda.so carries it.
#pragma once

#include <c10/util/intrusive_ptr.h>

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace lldm::cuda {

/// Connects the GPUs of all ranks, each on the device that its process has selected.
/// Errors  Error where the build had no nccl.h; what LibTorch and NCCL say.
void connect_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                  c10::intrusive_ptr<c10d::Backend>& backend);

}  // namespace lldm::cuda
