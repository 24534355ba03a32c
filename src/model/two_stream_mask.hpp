// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "lldm/concepts/attention_pattern.hpp"

namespace lldm {

/// Who sees whom in a two-stream sequence of `length` = 2 L tokens: [2L, 2L] bool on the CPU, row =
/// the token that looks.
/// Errors  ShapeError: an odd length, a block below one token, or more prompt than a half holds.
at::Tensor two_stream_mask(const AttentionPattern& pattern, std::int64_t length);

/// The same on `device`, computed there: nothing is copied to it.
at::Tensor two_stream_mask_on(at::Device device, const AttentionPattern& pattern,
                              std::int64_t length);

/// What two_stream_mask refuses, in words; "" where it refuses nothing.
std::string two_stream_problem(const AttentionPattern& pattern, std::int64_t length);

}  // namespace lldm
