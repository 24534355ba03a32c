// SPDX-License-Identifier: MIT
// Row-wise absmax quantization to 8 bits: Dettmers et al. 2022, arXiv:2208.07339, without its
// outlier columns.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace lldm {

/// Codes in [-127, 127] of `values` [R, C] (any floating dtype) into `codes`, each row's largest
/// magnitude into `absmax`.  As bitsandbytes does it, the numbers are rounded to float16 first.
/// Errors  DataError for a number that float16 cannot hold.
void int8_encode(const at::Tensor& values, std::int8_t* codes, float* absmax);
/// [R, C] = codes * absmax / 127.
void int8_decode(const std::int8_t* codes, const float* absmax, std::int64_t rows,
                 std::int64_t columns, float* out);

}  // namespace lldm
