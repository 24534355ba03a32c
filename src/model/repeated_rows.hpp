// SPDX-License-Identifier: MIT
// Rows of a pack that are alike.  What the first block's queries, keys and values are made of is a
// token's embedding and nothing else (positions come in with the rotation), and in noised copies of
// a text most tokens are the mask or those of the text again.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

namespace lldm {

struct RepeatedRows {
  at::Tensor places;  // [U] int64: one row of every kind; the first again up to a legal pack
  at::Tensor kinds;   // [N] int32: of every row its place in `places`
};

/// Of tokens [N] int64 on the CPU, all below `vocabulary`; null where a product of the rows that
/// differ is not worth the copies: fewer than 256 rows, or more than half of them differ.
/// Cost  one pass over the tokens and four bytes a token of the vocabulary.
[[nodiscard]] std::shared_ptr<const RepeatedRows> repeated_rows(const at::Tensor& tokens,
                                                                std::int64_t vocabulary);

/// Columns [C, U] of the kinds -> [C, N] of all rows.  Float32 on the CPU, row-major.
[[nodiscard]] at::Tensor repeated_columns(const at::Tensor& columns, const RepeatedRows& rows);

}  // namespace lldm
