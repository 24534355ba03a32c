// SPDX-License-Identifier: MIT
// When gradients become final: who wants to know asks the engine here.
#pragma once

#include <functional>
#include <utility>

namespace lldm {

/// While one lives, an engine's step on this thread calls `begins` once, right before the backward
/// pass behind which it adds nothing more to the parameters' gradients: a gradient that autograd
/// has accumulated in that pass is final.  A path that combines gradients after its last backward
/// pass (`pairwise`) never calls it.
class LastBackward {
 public:
  explicit LastBackward(std::function<void()> begins)
      : begins_(std::move(begins)), before_(std::exchange(current(), this)) {}
  ~LastBackward() { current() = before_; }
  LastBackward(const LastBackward&) = delete;
  LastBackward& operator=(const LastBackward&) = delete;

  /// By the engine.
  static void announce() {
    if (LastBackward* const one = current(); one && one->begins_)
      std::exchange(one->begins_, nullptr)();
  }

 private:
  static LastBackward*& current() {
    static thread_local LastBackward* one = nullptr;
    return one;
  }
  std::function<void()> begins_;
  LastBackward* before_;
};

}  // namespace lldm
