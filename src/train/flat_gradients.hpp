// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "lldm/concepts/packed_tokens.hpp"

namespace lldm {

/// The gradients of the trained parameters as one-dimensional tensors, as few as their memory
/// allows: one where they lie behind one another (FlatTensors).
[[nodiscard]] std::vector<at::Tensor> flat_gradients(const std::vector<NamedParameter>& parameters);

/// The sum of a flat gradient in float64 [], still where it is: finite exactly if every number is.
/// In pieces on the CPU, where LibTorch would copy all of it into float64 first.
at::Tensor finite_figure(const at::Tensor& flat);

}  // namespace lldm
