// SPDX-License-Identifier: MIT
// How many rows and columns of logits exist at a time: what the head cuts by and plans count with.
#pragma once

#include <cstdint>
#include <vector>

#include "model/products.hpp"

namespace lldm {

/// Bytes of logits that exist at a time; the memory planner counts with them.  The gradient of a
/// trained head is a product over the chunk's rows: it needs many to be worth its memory.
inline constexpr std::int64_t kHeadChunkBytes = std::int64_t{16} << 20;
inline constexpr std::int64_t kTrainedHeadChunkBytes = std::int64_t{256} << 20;
/// The same where a GPU multiplies 16 bits: a slice is a dozen launches.
inline constexpr std::int64_t kDeviceHeadChunkBytes = std::int64_t{64} << 20;
/// Rows of a chunk at least, however large the vocabulary is: below, products are slow.
inline constexpr std::int64_t kLeastHeadRows = 128;
/// The same where a budget leaves a trained head's logits no more room.
inline constexpr std::int64_t kFewestHeadRows = 32;
/// Rows of a chunk of logits, its bytes halved so many times.
[[nodiscard]] std::int64_t head_chunk_rows(std::int64_t vocabulary, std::int64_t value_bytes,
                                           bool is_trained, std::int64_t halvings = 0);
/// Rows of a chunk where `rows` are asked for: whole granules of a product's rows.
[[nodiscard]] std::int64_t cut_head_rows(std::int64_t rows);
/// `rows` of a chunk, and their halves that cut `queries` further, down to kFewestHeadRows.
[[nodiscard]] std::vector<std::int64_t> head_row_choices(std::int64_t rows, std::int64_t queries);

/// Below, oneDNN's products make a product's transposed first, and it twice.
inline constexpr std::int64_t kFewRows = 128;
/// Whether the logits of so many queries, filled up, are made as those of few rows.
[[nodiscard]] constexpr bool are_few(std::int64_t queries) { return filled_up(queries) < kFewRows; }
/// Of `rest` rows those whose logits, over which no sum is made, are next: a chunk, as it is cut
/// now, or of few rows whose logits exist twice half a chunk at most.
[[nodiscard]] std::int64_t next_head_rows(std::int64_t rest, std::int64_t vocabulary,
                                          std::int64_t value_bytes);

/// Of a head that is decoded by slices, of rows of `width` numbers: columns of logits in a slice,
/// which is a chunk, and rows of a pass whose logits of it, about another, exist at once.
[[nodiscard]] std::int64_t sliced_head_columns(std::int64_t width, std::int64_t value_bytes,
                                               std::int64_t chunk_bytes);
[[nodiscard]] std::int64_t sliced_head_rows(std::int64_t width);
/// Rows of the head whose gradient is made at once.
[[nodiscard]] std::int64_t head_slice_rows(std::int64_t row_bytes);
/// How logits are cut, in this process and from now on.
struct HeadChunks {
  std::int64_t trained_rows = 0;  // of a trained head's chunk; 0: as kTrainedHeadChunkBytes has it
  std::int64_t halvings = 0;      // of the rows of every chunk, to kLeastHeadRows at most
};
/// The sums of a trained head's gradient are then others in their last bits; logits never are.
void set_head_chunks(HeadChunks chunks);
[[nodiscard]] HeadChunks head_chunks();
/// Rows of a chunk as they are cut now.
[[nodiscard]] std::int64_t head_rows_now(std::int64_t vocabulary, std::int64_t value_bytes,
                                         bool is_trained);

/// Whether the head that was used last cuts its logits by rows, as a plain one does.  Decoded ones
/// are cut by columns, and are not halved: their scores would have other last bits.
[[nodiscard]] bool head_is_cut_by_rows();
void note_head_cut(bool by_rows);

}  // namespace lldm
