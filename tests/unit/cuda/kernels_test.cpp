// SPDX-License-Identifier: MIT
// The kernels against the host's row mathematics, bit for bit where the order of sums is the same.
// Needs a GPU; without one it checks that the library says why, and prints that the kernels did not
// run.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/zeros_like.h>

#include "cuda/rows.cuh"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/manager.hpp"
#include "memory/cuda_library.hpp"
#include "support/catch.hpp"

using lldm::cuda::ElementType;

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

TEST_CASE("the rms_norm kernels agree with the host's rows", "[cuda][kernels]") {
  const auto* library = gpu();
  if (library == nullptr) return;
  constexpr int kRows = 700, kWidth = 96;
  const at::Tensor x = at::randn({kRows, kWidth}), w = at::randn({kWidth}),
                   dy = at::randn({kRows, kWidth});
  at::Tensor y = at::empty_like(x), dx = at::empty_like(x), dw = at::zeros_like(w),
             r = at::empty({kRows});
  for (int row = 0; row < kRows; ++row) {
    const std::int64_t start = std::int64_t{row} * kWidth;
    const float inverse = lldm::cuda::rms_norm_row(
        x.const_data_ptr<float>() + start, w.const_data_ptr<float>(),
        y.mutable_data_ptr<float>() + start, kWidth, 1e-5f, lldm::cuda::OneLane{});
    lldm::cuda::rms_norm_row_backward(x.const_data_ptr<float>() + start, w.const_data_ptr<float>(),
                                      dy.const_data_ptr<float>() + start, inverse,
                                      dx.mutable_data_ptr<float>() + start,
                                      dw.mutable_data_ptr<float>(), kWidth, lldm::cuda::OneLane{});
  }
  const at::Tensor gx = on_gpu(x), gw = on_gpu(w), gdy = on_gpu(dy);
  const at::Tensor gy = at::empty_like(gx), gdx = at::empty_like(gx), gdw = at::empty_like(gw),
                   gr = on_gpu(r);
  const at::Tensor partial =
      at::empty({library->kernels.rms_norm_groups(kRows), kWidth}, gx.options());
  const lldm::cuda::RmsNorm in{ElementType::float32, kRows, kWidth, 1e-5f, gx.const_data_ptr(),
                               gw.const_data_ptr()};
  library->kernels.rms_norm_forward(in, gy.mutable_data_ptr(), gr.mutable_data_ptr<float>(),
                                    nullptr);
  library->kernels.rms_norm_backward(in, gr.const_data_ptr<float>(), gdy.const_data_ptr(),
                                     gdx.mutable_data_ptr(), gdw.mutable_data_ptr<float>(),
                                     partial.mutable_data_ptr<float>(), nullptr);
  CHECK(distance(gy, y) < 1e-5);
  CHECK(distance(gdx, dx) < 1e-5);
  CHECK(distance(gdw, dw) < 1e-3);
}

TEST_CASE("the swiglu kernels agree with LibTorch", "[cuda][kernels]") {
  const auto* library = gpu();
  if (library == nullptr) return;
  const at::Tensor gate = at::randn({12345}), up = at::randn({12345});
  const at::Tensor g = on_gpu(gate), u = on_gpu(up), y = at::empty_like(g);
  library->kernels.swiglu_forward(ElementType::float32, g.numel(), g.const_data_ptr(),
                                  u.const_data_ptr(), y.mutable_data_ptr(), nullptr);
  CHECK(distance(y, at::silu(gate) * up) < 1e-5);
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
