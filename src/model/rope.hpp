// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include "lldm/model/transformer_config.hpp"

namespace lldm {

struct RopeTables {
  at::Tensor cosines, sines;  // [head_width / 2, max_length and the kernels' padding]
};

/// cos and sin of position * frequency, with the frequencies rope_theta^(-2i / head_width),
/// stretched as rope_scaling says.  In float32 the angle is rounded as the originals round it
/// (inverse frequency and product in float32); in float64 it is not.
RopeTables rope_tables(const TransformerConfig& config, at::ScalarType dtype);

}  // namespace lldm
