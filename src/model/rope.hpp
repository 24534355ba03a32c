// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace lldm {

struct RopeTables {
  at::Tensor cosines, sines;  // [head_width / 2, length and the kernels' padding]
};

/// cos and sin of position * theta^(-2i / head_width).  In float32 the angle is rounded as the
/// original rounds it (inverse frequency and product in float32); in float64 it is not.
RopeTables rope_tables(std::int64_t length, std::int64_t head_width, double theta,
                       at::ScalarType dtype);

}  // namespace lldm
