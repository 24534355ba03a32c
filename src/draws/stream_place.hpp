// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "lldm/draws/stream.hpp"

namespace lldm {

/// Which numbers a Stream gives: all that another processor needs to make them (philox.hpp).
struct StreamPlace {
  std::uint64_t key = 0, subsequence = 0;
};

/// Of the stream from its first number on, whatever was read of it.
[[nodiscard]] StreamPlace place_of(const Stream& stream);

}  // namespace lldm
