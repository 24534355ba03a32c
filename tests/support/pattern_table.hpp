// SPDX-License-Identifier: MIT
// The toy table behind the two-stream attention: what a token may see is handed to the table as a
// sequence of its own, so that a noised token of block b answers as the table does for the clean
// blocks before it and the noised block.
#pragma once

#include <algorithm>
#include <stdexcept>

#include "support/table_denoiser.hpp"

namespace lldm::testing {

class PatternTable : public TableDenoiser {
 public:
  using TableDenoiser::TableDenoiser;

  [[nodiscard]] at::Tensor hidden(const PackedTokens& batch) const {
    const at::Tensor tokens = batch.tokens.contiguous();
    const std::int64_t* first = tokens.const_data_ptr<std::int64_t>();
    std::vector<std::int64_t> rows;
    for (std::size_t b = 0; b + 1 < batch.offsets.size(); ++b) {
      const AttentionPattern& pattern = batch.patterns.at(b);
      if (pattern.kind != AttentionPattern::Kind::two_stream)
        throw std::logic_error("PatternTable: only two-stream sequences");
      const std::int64_t half = (batch.offsets[b + 1] - batch.offsets[b]) / 2;
      const std::int64_t* noised = first + batch.offsets[b];
      for (std::int64_t i = 0; i < 2 * half; ++i) {
        const std::int64_t at = i % half;
        const auto [begin, end] = block_around(pattern, at, half);
        std::vector<std::int64_t> seen(noised + half, noised + half + end);  // clean to own block
        if (i < half) std::copy(noised + begin, noised + end, seen.begin() + begin);
        rows.push_back(table().row(seen, at));
      }
    }
    return weights().index_select(0, at::tensor(rows, at::kLong));
  }

 private:
  static std::pair<std::int64_t, std::int64_t> block_around(const AttentionPattern& pattern,
                                                            std::int64_t at, std::int64_t half) {
    if (at < pattern.num_prompt) return {0, pattern.num_prompt};
    const std::int64_t block = (at - pattern.num_prompt) / pattern.block_size;
    const std::int64_t begin = pattern.num_prompt + block * pattern.block_size;
    return {begin, std::min(half, begin + pattern.block_size)};
  }
};
static_assert(Denoiser<PatternTable>);

}  // namespace lldm::testing
