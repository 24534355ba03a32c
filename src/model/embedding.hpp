// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

namespace lldm {

/// Rows of `table` [E, D] in `dtype`: [N] int64 -> [N, D].  The gradient of a row is the sum over
/// its places in the order of `tokens`, in `dtype`, whatever the table is stored in; rows that are
/// not read are not touched (DirectGradients).
at::Tensor embed_tokens(const at::Tensor& table, const at::Tensor& tokens, at::ScalarType dtype);

}  // namespace lldm
