// SPDX-License-Identifier: MIT
// The 8-bit dynamic code of Dettmers et al. 2021, arXiv:2110.02861.
#pragma once

#include <array>
#include <cstdint>

namespace lldm {

inline constexpr std::int64_t kDynamicBlock = 256;  // numbers that share a scale

/// The 256 values of the signed or the unsigned code, ascending, in [-1, 1] or [0, 1]; bit-equal to
/// the maps of bitsandbytes.
const std::array<float, 256>& dynamic_map(bool is_signed);

/// The code of x in [-1, 1] in the signed map: the nearest of the 65,536 equal steps, and of that
/// the nearest value, as bitsandbytes 0.50 does on the CPU (its recorded bytes are only so
/// reproduced).
std::uint8_t dynamic_code(float x);

}  // namespace lldm
