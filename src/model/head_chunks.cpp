// SPDX-License-Identifier: MIT
#include "model/head_chunks.hpp"

#include <algorithm>
#include <atomic>

#include "model/products.hpp"

namespace lldm {
namespace {

std::atomic<std::int64_t> trained_rows{0}, halvings{0};
std::atomic<bool> is_cut_by_rows{true};

std::int64_t whole_rows(std::int64_t rows, std::int64_t least) {
  return std::max(least, rows / kRowGranule * kRowGranule);
}

}  // namespace

void set_head_chunks(HeadChunks chunks) {
  trained_rows = chunks.trained_rows;
  halvings = chunks.halvings;
}
HeadChunks head_chunks() { return {trained_rows, halvings}; }
bool head_is_cut_by_rows() { return is_cut_by_rows; }
void note_head_cut(bool by_rows) { is_cut_by_rows = by_rows; }

std::int64_t head_chunk_rows(std::int64_t vocabulary, std::int64_t value_bytes, bool is_trained,
                             std::int64_t halved) {
  const std::int64_t most = (is_trained ? kTrainedHeadChunkBytes : kHeadChunkBytes) >> halved;
  return whole_rows(most / (vocabulary * value_bytes), kLeastHeadRows);
}

std::int64_t cut_head_rows(std::int64_t rows) { return whole_rows(rows, kRowGranule); }

std::int64_t head_rows_now(std::int64_t vocabulary, std::int64_t value_bytes, bool is_trained) {
  if (const std::int64_t rows = cut_head_rows(trained_rows); is_trained && trained_rows > 0)
    return whole_rows(rows >> halvings, std::min(rows, kLeastHeadRows));
  return head_chunk_rows(vocabulary, value_bytes, is_trained, halvings);
}

std::int64_t next_head_rows(std::int64_t rest, std::int64_t vocabulary, std::int64_t value_bytes) {
  const std::int64_t chunk = head_rows_now(vocabulary, value_bytes, /*is_trained=*/false);
  const bool is_twice = rest < kFewRows && product_library() == ProductLibrary::onednn;
  return std::min(rest, is_twice ? chunk / 2 : chunk);
}

std::vector<std::int64_t> head_row_choices(std::int64_t rows, std::int64_t queries) {
  std::vector<std::int64_t> list = {rows};
  while (rows > kFewestHeadRows) {
    rows = whole_rows(rows / 2, kFewestHeadRows);
    if (rows < queries) list.push_back(rows);
  }
  return list;
}

std::int64_t sliced_head_columns(std::int64_t width, std::int64_t value_bytes,
                                 std::int64_t chunk_bytes) {
  return std::max<std::int64_t>(1, chunk_bytes / (width * value_bytes));
}

std::int64_t sliced_head_rows(std::int64_t width) { return std::max(kFewRows, width); }

std::int64_t head_slice_rows(std::int64_t row_bytes) {
  return std::max(kLeastHeadRows, kHeadChunkBytes / row_bytes / kLeastHeadRows * kLeastHeadRows);
}

}  // namespace lldm
