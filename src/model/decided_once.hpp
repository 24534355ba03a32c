// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <mutex>

namespace lldm {

/// What a process decides at the first use, and keeps: how its GPU does something.
template <class T>
class DecidedOnce {
 public:
  template <class Decide>
  const T& get(Decide decide) {
    const std::scoped_lock held(lock_);
    if (!made_) made_ = std::make_unique<const T>(decide());
    return *made_;
  }
  /// nullptr before the first use.
  [[nodiscard]] const T* made() {
    const std::scoped_lock held(lock_);
    return made_.get();
  }

 private:
  std::mutex lock_;
  std::unique_ptr<const T> made_;
};

}  // namespace lldm
