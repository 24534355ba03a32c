// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

namespace lldm {

/// Tokens that a float32 pass on the CPU has at least: a smaller pack is filled up.  MKL takes
/// other kernels for fewer rows on some processors (seen on AMD with 1, 3 and 16, not with 32).
inline constexpr std::int64_t kLeastRows = 32;
/// It has a multiple of so many: oneDNN makes a kernel for every number of rows, for a third to one
/// millisecond each.
inline constexpr std::int64_t kRowGranule = 16;

/// Low-rank updates beside the matrices of one product that rows go through.
struct ProductUpdates {
  std::int64_t count = 0;  // of its matrices those that have one
  std::int64_t sides = 0;  // rows and columns of the largest of these
};

/// Those of a block (the most of any block); without an adapter none.
struct AdapterShape {
  std::int64_t first_block = 0;    // the lowest with one: no gradient reaches those below
  std::int64_t rank = 0;           // the largest
  ProductUpdates qkv, attn_out;    // queries, keys and values; attention's output
  ProductUpdates gate_up, ff_out;  // the MLP's gate and factor; its output
};

/// Sizes and special ids of a model, whatever its family calls them.
struct ModelShape {
  std::int64_t parameters = 0;    // trainable numbers of the whole model
  std::int64_t table_values = 0;  // numbers of its rotary tables
  /// Numbers that it holds: weights and rotary tables, whatever its sizes are (no overflow).
  double stored_values = 0;
  double matrix_values = 0;     // of them, in the blocks' matrices
  double matrix_rows = 0;       // rows of those
  double embedding_values = 0;  // of them, in the embedding and the head
  std::int64_t width = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t attention_width = 0;  // of all queries of a token: heads times a head's width
  std::int64_t mlp_width = 0;
  std::int64_t vocabulary = 0;  // rows of the embedding
  std::int64_t max_length = 0;  // tokens of the longest sequence it accepts
  std::optional<std::int64_t> mask_token = {}, end_of_text_token = {}, padding_token = {};
  std::int64_t kv_heads = 0;
  std::int64_t head_width = 0;
  std::int64_t logit_columns = 0;  // rows of the head
  bool has_heads_norm = false;     // queries and keys are normalised head by head
  bool has_fused_qkv = false;      // queries, keys and values are one matrix
  bool is_head_tied = false;       // the head is the embedding
  AdapterShape adapter = {};
};

}  // namespace lldm
