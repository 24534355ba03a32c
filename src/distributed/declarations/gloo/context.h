// SPDX-License-Identifier: MIT
// What <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp> needs to be read.  Gloo itself is inside
// libtorch_cpu.so; the wheel has no headers of it, and a distribution's are of another version.
// Only pointers to these classes pass through our hands, so names are enough.
#pragma once

#include <chrono>

namespace gloo {

class Context {
 public:
  void setTimeout(std::chrono::milliseconds timeout);  // named by an inline function, never called
};

}  // namespace gloo
