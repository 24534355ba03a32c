// SPDX-License-Identifier: MIT
// Copies as a device makes them: on a thread of their own, late, of memory that is not held.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/StorageImpl.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "memory/copy_engine.hpp"

namespace lldm::testing {

/// What a copy will write is 0xff (not a number) until it is made; memory of the device is not kept
/// alive by it (`lost` counts what was gone).  `arrives` false: whoever should wait for a copy does
/// not, and none is made before the end.
class LateCopies final : public memory::CopyEngine {
 public:
  explicit LateCopies(std::size_t slots, bool arrives = true)
      : open_(slots, 0), arrives_(arrives), thread_([this] { run(); }) {}
  ~LateCopies() override {
    {
      const std::scoped_lock lock(mutex_);
      is_ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void begin() override {}
  void end() override {}
  void fetch(std::size_t slot, const at::Tensor& host, const at::Tensor& device) override {
    queue(slot, host, device, device);
    ++fetched;
  }
  void send(std::size_t slot, const at::Tensor& device, const at::Tensor& host) override {
    queue(slot, device, host, device);
    ++sent;
  }
  void arrive(std::size_t slot) override {
    if (arrives_) wait(slot);
  }
  void wait(std::size_t slot) override {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_[slot] == 0; });
    --waiting_;
  }

  std::size_t fetched = 0, sent = 0;
  std::atomic<std::size_t> lost = 0;

 private:
  struct Copy {
    std::size_t slot;
    void* to;
    const void* from;
    std::size_t bytes;
    at::Tensor host;
    c10::weak_intrusive_ptr<c10::StorageImpl> device;
  };

  void queue(std::size_t slot, const at::Tensor& to, const at::Tensor& from,
             const at::Tensor& device) {
    std::memset(to.data_ptr(), 0xff, to.nbytes());
    const std::scoped_lock lock(mutex_);
    queue_.push_back({slot, to.data_ptr(), from.data_ptr(), to.nbytes(),
                      to.is_same(device) ? from : to, device.storage().getWeakStorageImpl()});
    ++open_[slot];
    changed_.notify_all();
  }
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      // On a busy machine this thread may be ahead of whoever does not wait for it.
      changed_.wait(lock,
                    [&] { return is_ending_ || (!queue_.empty() && (arrives_ || waiting_ > 0)); });
      if (queue_.empty()) return;
      const Copy copy = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(300));
      if (const auto alive = copy.device.lock())
        std::memcpy(copy.to, copy.from, copy.bytes);
      else
        ++lost;
      lock.lock();
      --open_[copy.slot];
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Copy> queue_;
  std::vector<std::size_t> open_;  // copies of a slot that are not made
  std::size_t waiting_ = 0;
  bool is_ending_ = false, arrives_;
  std::thread thread_;
};

}  // namespace lldm::testing
