// SPDX-License-Identifier: MIT
// Rotary attention of a whole ragged pack on a GPU: rotation by our kernels, attention by
// LibTorch's, one call by cumulative lengths.  What these do not do (masks, other devices, odd
// widths of heads) is left to tensor operations.
#pragma once

#include "model/block_parts.hpp"

namespace lldm {

/// Whether LibTorch has a kernel for heads of such a width.
[[nodiscard]] bool is_fused_head(at::ScalarType compute, std::int64_t head_width);

/// As BlockParts::attend, attend_gradient and prepare.  Where products read 16 bits a number
/// attention does, too, and is flash attention; in float32 it is LibTorch's efficient one.
Attended fused_attend(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved);
at::Tensor fused_attend_gradient(const at::Tensor& qkv, const BlockContext& context,
                                 bool is_interleaved, const Attended& attended,
                                 const at::Tensor& upstream);
void prepare_fused_attention(BlockContext& context);

}  // namespace lldm
