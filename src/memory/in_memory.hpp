// SPDX-License-Identifier: MIT
#pragma once

#include <c10/util/Exception.h>

#include <string>

#include "lldm/errors.hpp"
#include "memory/device_trouble.hpp"

namespace lldm::memory {

/// `passes()`.  A library of the device that finds no memory is as good a reason for smaller passes
/// as tensors that find none: OutOfMemory either way.
template <class Passes>
auto in_memory(const Passes& passes) {
  try {
    return passes();
  } catch (const c10::Error& error) {
    if (!is_full_device(error.what())) throw;
    throw OutOfMemory(
        message("out of cuda memory, in a library: ", error.what_without_backtrace()));
  }
}

/// What is short, without the advice that every shortage gets in its last line.
inline std::string without_advice(const std::string& shortage) {
  return shortage.substr(0, shortage.rfind('\n'));
}

}  // namespace lldm::memory
