// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include "lldm/distributed/process_group.hpp"

namespace lldm {

/// Sums over processes that go on while this one computes.
class GradientSums {
 public:
  virtual ~GradientSums() = default;
  /// All, in the same order: `values` begin to become their sum, and are left alone until `wait`.
  /// False, on all, where they cannot be summed where they lie: nothing has begun.
  [[nodiscard]] virtual bool begin(const at::Tensor& values) = 0;
  /// Until all that has begun is done.
  virtual void wait() = 0;
  /// All, in the same order: at once.
  virtual void sum(const at::Tensor& values) = 0;
};

class GroupSums final : public GradientSums {
 public:
  /// All.
  GroupSums(ProcessGroup& group, const at::Device& device) : group_(group) {
    group_.prepare_sums(device);
  }
  [[nodiscard]] bool begin(const at::Tensor& values) override { return group_.begin_sum(values); }
  void wait() override { group_.wait_sums(); }
  void sum(const at::Tensor& values) override { group_.sum(values); }

 private:
  ProcessGroup& group_;
};

}  // namespace lldm
