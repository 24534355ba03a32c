// SPDX-License-Identifier: MIT
// Copies between the host and a device that run beside both.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>

namespace lldm::memory {

/// Queued copies, in slots: pieces of host memory that are used again and again.  A slot's memory
/// may be read or written by the host, or queued anew, only after `wait(slot)`.
class CopyEngine {
 public:
  virtual ~CopyEngine() = default;
  /// What is copied from now on is what the device's work so far leaves behind.
  virtual void begin() = 0;
  /// The device's work from now on sees every copy; of the host nothing waits.
  virtual void end() = 0;
  /// To the host, from the device.
  virtual void fetch(std::size_t slot, const at::Tensor& host, const at::Tensor& device) = 0;
  /// To the device, from the host.
  virtual void send(std::size_t slot, const at::Tensor& device, const at::Tensor& host) = 0;
  /// The device's work from now on sees the slot's copies; of the host nothing waits.
  virtual void arrive(std::size_t slot) = 0;
  /// Returns when every copy of the slot is done.
  virtual void wait(std::size_t slot) = 0;
};

/// On the CPU copies are made at once; elsewhere on two streams of their own, one each way.
[[nodiscard]] std::unique_ptr<CopyEngine> make_copy_engine(at::Device device, std::size_t slots);

/// Host memory that `device` copies to and from without help; plain memory for the CPU.
/// Errors  OutOfMemory where it cannot be locked: how much was asked for, and what to do.
[[nodiscard]] at::Tensor host_memory(std::int64_t count, at::ScalarType dtype, at::Device device);

}  // namespace lldm::memory
