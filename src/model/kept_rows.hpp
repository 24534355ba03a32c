// SPDX-License-Identifier: MIT
// Blocks' inputs that lie in the host's memory between forward and backward.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

#include "memory/copy_engine.hpp"

namespace lldm {

/// Rows leave for the host while the block that reads them is computed, and come back while the
/// block behind them goes back: two are on their way each way.  The host waits for no copy.
class KeptRows {
 public:
  /// One block's input, until nobody will ask for it any more.
  class Kept;

  /// `copies` with kSlots slots; null: those of the device.
  explicit KeptRows(at::Device device, std::shared_ptr<memory::CopyEngine> copies = nullptr);
  ~KeptRows();
  KeptRows(const KeptRows&) = delete;
  KeptRows& operator=(const KeptRows&) = delete;

  static constexpr std::size_t kWays = 2;           // on their way at once, each way
  static constexpr std::size_t kSlots = 2 * kWays;  // those that leave, then those that come back

  /// Rows [N, D] of which the device keeps nothing once they have left.  `host` becomes their
  /// memory there, which the caller keeps.
  /// Errors  OutOfMemory where the host cannot lock memory for them.
  [[nodiscard]] std::shared_ptr<Kept> put(const at::Tensor& rows, at::Tensor& host);
  /// The rows, on the device, the same bits; those put before them begin to come back.
  [[nodiscard]] at::Tensor take(const std::shared_ptr<Kept>& kept, const at::Tensor& host);

 private:
  struct Way {
    std::weak_ptr<Kept> kept;
    at::Tensor rows;  // on the device
  };
  void let_go();
  void send(std::size_t way, const std::shared_ptr<Kept>& kept, const at::Tensor& host);

  at::Device device_;
  std::shared_ptr<memory::CopyEngine> copies_;
  std::mutex mutex_;
  std::array<Way, kWays> leaving_, coming_;
  std::size_t next_leaving_ = 0, next_coming_ = 0;
  std::weak_ptr<Kept> last_;  // that was put
};

/// Its memory on the host goes with the node of autograd that saved it.
class KeptRows::Kept {
 public:
  Kept(const at::Tensor& host, std::weak_ptr<Kept> before)
      : host_(host.getIntrusivePtr()), before_(std::move(before)) {}

 private:
  friend class KeptRows;
  c10::weak_intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl> host_;  // [N, D]
  std::weak_ptr<Kept> before_;  // backward asks for it next
};

}  // namespace lldm
