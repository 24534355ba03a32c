// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/Parallel.h>

namespace lldm::testing {

/// LibTorch on one thread while it lives: steps over toy tables take a tenth of the time, because
/// the threads of such small operations only wait for one another.
class OneThread {
 public:
  OneThread() : before_(at::get_num_threads()) { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

}  // namespace lldm::testing
