// SPDX-License-Identifier: MIT
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "cuda/nccl.hpp"
#include "lldm/errors.hpp"

namespace lldm::cuda {

void connect_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                  c10::intrusive_ptr<c10d::Backend>& backend) {
#ifdef USE_C10D_NCCL
  backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(
      c10::make_intrusive<c10d::PrefixStore>("nccl", store), rank, size);
#else
  static_cast<void>(store);
  static_cast<void>(backend);
  throw Error(message("rank ", rank, " of ", size,
                      ": this build of lldm has no NCCL: nccl.h was not found when it was made"));
#endif
}

}  // namespace lldm::cuda
