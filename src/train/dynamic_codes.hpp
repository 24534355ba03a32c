// SPDX-License-Identifier: MIT
// The nearest code of the 8-bit dynamic maps without a search.
#pragma once

#include <cstdint>

#include "train/kernels/adamw.hpp"

namespace lldm {

inline constexpr int kDynamicBlockNumbers = 256;  // that share a scale
/// A float's bits without its last 15 mantissa bits, from 2^-24 up: a bucket.  All below 2^-24 are
/// nearest to 0, and no bucket holds two middles between neighbors of a map.
inline constexpr int kDynamicShift = 15;
inline constexpr std::int32_t kDynamicFirst = (127 - 24) << (23 - kDynamicShift);
inline constexpr std::int32_t kDynamicBuckets =
    (127 << (23 - kDynamicShift)) + 1 - kDynamicFirst;  // up to 1
inline constexpr std::int32_t kSignedZero = 127;        // the code of 0 in the signed map

/// For both maps, made once.  Middles lie between a map's magnitudes; places count from 0 up.
const DynamicTables& dynamic_tables();

}  // namespace lldm
