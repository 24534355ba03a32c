// SPDX-License-Identifier: MIT
#include "track/read_backs.hpp"

#include <ATen/ops/stack.h>

#include <utility>

namespace lldm {
namespace {

thread_local ReadBackCount* counting = nullptr;

}  // namespace

ReadBackCount::ReadBackCount() : before_(std::exchange(counting, this)) {}
ReadBackCount::~ReadBackCount() { counting = before_; }

void note_read_back() {
  if (counting != nullptr) ++counting->count_;
}

at::Tensor read_back(const at::Tensor& values) {
  note_read_back();
  return values.detach().to(at::Device(at::kCPU), at::kDouble);
}

std::vector<double> read_back(const std::vector<at::Tensor>& scalars) {
  if (scalars.empty()) return {};
  std::vector<at::Tensor> wide;
  for (const at::Tensor& scalar : scalars) wide.push_back(scalar.detach().to(at::kDouble));
  const at::Tensor host = read_back(at::stack(wide));
  return {host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel()};
}

}  // namespace lldm
