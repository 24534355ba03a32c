// SPDX-License-Identifier: MIT
// The kernels against the host.
// Needs a GPU; without one it checks that the library says why, and prints that the kernels did not
// run.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/randn.h>

#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/manager.hpp"
#include "memory/cuda_library.hpp"
#include "model/block_parts.hpp"
#include "support/catch.hpp"

namespace {

const lldm::memory::CudaFunctions* gpu() {
  const lldm::DeviceChoice choice = lldm::select_device("auto");
  if (choice.device == "cuda") return lldm::memory::loaded_cuda_functions();
  REQUIRE_FALSE(choice.reason.empty());
  WARN("the kernels did not run: " << choice.reason);
  return nullptr;
}

at::Tensor on_gpu(const at::Tensor& tensor) { return tensor.to(at::kCUDA); }
double distance(const at::Tensor& a, const at::Tensor& b) {
  return (a.cpu() - b).abs().max().item<double>();
}

}  // namespace

TEST_CASE("the swiglu kernels agree with LibTorch", "[cuda][kernels]") {
  if (gpu() == nullptr) return;
  const at::Tensor gate_up = at::randn({123, 2 * 77}), dy = at::randn({123, 77});
  const lldm::BlockParts &here = lldm::operation_block_parts(), &there = lldm::fused_block_parts();
  const auto exact = here.swiglu_gradient(gate_up, dy);
  const auto mine = there.swiglu_gradient(on_gpu(gate_up), on_gpu(dy));
  CHECK(distance(there.swiglu(on_gpu(gate_up)), exact.y) < 1e-5);
  CHECK(distance(mine.y, exact.y) < 1e-5);
  CHECK(distance(mine.gate_up, exact.gate_up) < 1e-5);
}

TEST_CASE("MemoryManager counts CUDA allocations and returns to zero", "[cuda][memory]") {
  if (gpu() == nullptr) return;
  lldm::MemoryManager memory;
  memory.install();
  const auto live = [&] {
    return memory.report().find(lldm::MemoryDevice::cuda)->total.current_bytes;
  };
  {
    const lldm::PurposeScope scope(lldm::MemoryPurpose::weights);
    const at::Tensor tensor = at::empty({1000}, at::TensorOptions(at::kCUDA).dtype(at::kByte));
    CHECK(live() == 1000);
    CHECK(memory.report()
              .find(lldm::MemoryDevice::cuda)
              ->of(lldm::MemoryPurpose::weights)
              .current_bytes == 1000);
    memory.set_budget(lldm::MemoryDevice::cuda, {2000});
    CHECK_THROWS_AS(at::empty({1001}, tensor.options()), lldm::OutOfMemory);
  }
  CHECK(live() == 0);
}
