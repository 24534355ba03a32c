// SPDX-License-Identifier: MIT
// Where a training step waits for its device: every number that it reads from there comes this way.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace lldm {

/// Counts the read-backs of the thread that made it while it lives; with two of them the inner one.
/// On a CPU nothing waits, and the count is the same.
class ReadBackCount {
 public:
  ReadBackCount();
  ~ReadBackCount();
  ReadBackCount(const ReadBackCount&) = delete;
  ReadBackCount& operator=(const ReadBackCount&) = delete;
  [[nodiscard]] std::int64_t count() const { return count_; }

 private:
  friend void note_read_back();
  ReadBackCount* before_;
  std::int64_t count_ = 0;
};

/// One read-back was done elsewhere: by a loop over memory of the CPU.
void note_read_back();

/// `values` of any shape, float type and device on the host in float64: one read-back.
[[nodiscard]] at::Tensor read_back(const at::Tensor& values);

/// The one number of each of these: one read-back for all; none where there is nothing to read.
/// They lie on one device.
[[nodiscard]] std::vector<double> read_back(const std::vector<at::Tensor>& scalars);

}  // namespace lldm
