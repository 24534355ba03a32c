// SPDX-License-Identifier: MIT
#include "model/kernels/attention.hpp"
#include "model/kernels/attention_scratch.hpp"
#include "model/kernels/clones.hpp"

namespace lldm {
namespace {

using namespace attention;

template <class T>
struct ForwardScratch {
  std::vector<std::int64_t> key_rows;
  std::vector<T> keys, values;  // [keys][W]
  std::vector<T> queries;       // [W][lanes]: one block of queries
  std::vector<T> scores;        // [keys][lanes]
  std::vector<T> sums;          // [W][lanes]

  void fit(std::int64_t length, std::int64_t width) {
    const auto grow = [](std::vector<T>& v, std::int64_t size) {
      if (static_cast<std::int64_t>(v.size()) < size) v.resize(static_cast<std::size_t>(size));
    };
    grow(keys, length * width), grow(values, length * width);
    grow(queries, width * kLanes<T>), grow(sums, width * kLanes<T>);
    grow(scores, length * kLanes<T>);
  }
};

// Scores of one block of queries (one per lane) against every key; returns the largest of each
// lane.
template <class T, int W>
[[gnu::always_inline]] inline Vec<T> block_scores(ForwardScratch<T>& s, std::int64_t count,
                                                  std::int64_t runtime_width) {
  const std::int64_t width = W ? W : runtime_width;
  Vec<T> largest = simd::broadcast(std::numeric_limits<T>::lowest());
  std::int64_t j = 0;
  for (; j + 4 <= count; j += 4) {
    Vec<T> dots[4];
    dot_rows<T, 4>(s.queries.data(), kLanes<T>, s.keys.data() + j * width, width, width, dots);
    for (int r = 0; r < 4; ++r) {
      largest = simd::max<T>(largest, dots[r]);
      store(s.scores.data() + (j + r) * kLanes<T>, dots[r]);
    }
  }
  for (; j < count; ++j) {
    Vec<T> dot;
    dot_rows<T, 1>(s.queries.data(), kLanes<T>, s.keys.data() + j * width, width, width, &dot);
    largest = simd::max<T>(largest, dot);
    store(s.scores.data() + j * kLanes<T>, dot);
  }
  return largest;
}

template <class T, int W>
[[gnu::always_inline]] inline void forward_block(const AttentionArgs<T>& a, const Unit& unit,
                                                 std::int64_t head, std::int64_t begin,
                                                 ForwardScratch<T>& s) {
  constexpr int lanes = kLanes<T>;
  const std::int64_t width = W ? W : a.head_width,
                     used = std::min<std::int64_t>(lanes, unit.length - begin);
  const auto count = static_cast<std::int64_t>(s.key_rows.size());
  const T factor = T(1) / std::sqrt(static_cast<T>(width));
  std::fill_n(s.queries.begin(), width * lanes, T(0));
  for (std::int64_t lane = 0; lane < used; ++lane)
    rotate_row<T>(a, a.qkv + (unit.first_row + begin + lane) * unit.stride + head * width,
                  begin + lane, width, factor, nullptr, s.queries.data() + lane, lanes);

  const Vec<T> largest = block_scores<T, W>(s, count, width);
  Vec<T> total{};
  for (std::int64_t j = 0; j < count; ++j) {
    const Vec<T> weight = simd::exp(load(s.scores.data() + j * lanes) - largest);
    total += weight;
    store(s.scores.data() + j * lanes, weight);
  }
  std::fill_n(s.sums.begin(), width * lanes, T(0));
  add_weighted<T>(s.scores.data(), s.values.data(), width, count, width, s.sums.data(), lanes);

  const Vec<T> inverse = T(1) / total;
  for (std::int64_t d = 0; d < width; ++d)
    store(s.sums.data() + d * lanes, load(s.sums.data() + d * lanes) * inverse);
  for (std::int64_t lane = 0; lane < used; ++lane) {
    const std::int64_t row = unit.first_row + begin + lane;
    T* out = a.out + row * unit.out_stride + head * width;
    for (std::int64_t d = 0; d < width; ++d)
      out[d] = s.sums[static_cast<std::size_t>(d * lanes + lane)];
    a.log_sums[row * a.heads + head] = largest[lane] + std::log(total[lane]);
  }
}

template <class T, int W>
[[gnu::always_inline]] inline void forward_unit(const AttentionArgs<T>& a, const Unit& unit,
                                                ForwardScratch<T>& s) {
  const std::int64_t width = W ? W : a.head_width;
  s.fit(unit.length, width);
  visible_rows(a, unit, s.key_rows);
  for (std::size_t j = 0; j < s.key_rows.size(); ++j) {
    const T* row = a.qkv + (unit.first_row + s.key_rows[j]) * unit.stride;
    T* key = s.keys.data() + static_cast<std::int64_t>(j) * width;
    rotate_row<T>(a, row + unit.key_offset, s.key_rows[j], width, T(1), key, nullptr, 0);
    std::copy_n(row + unit.value_offset, width,
                s.values.data() + static_cast<std::int64_t>(j) * width);
  }
  for (std::int64_t g = 0; g < unit.group; ++g)
    for (std::int64_t begin = 0; begin < unit.length; begin += kLanes<T>)
      forward_block<T, W>(a, unit, unit.kv_head * unit.group + g, begin, s);
}

template <class T>
[[gnu::always_inline]] inline void attention_forward_body(const AttentionArgs<T>& a,
                                                          std::int64_t begin, std::int64_t end) {
  ForwardScratch<T> scratch;
  for (std::int64_t index = begin; index < end; ++index) {
    const Unit unit = unit_of(a, index);
    if constexpr (kLanes<T> == 16) {  // float32: widths worth unrolling
      if (a.head_width == 8) {
        forward_unit<T, 8>(a, unit, scratch);
        continue;
      }
    }
    forward_unit<T, 0>(a, unit, scratch);
  }
}

}  // namespace

LLDM_CPU_CLONES(attention_forward, AttentionArgs<float>)
LLDM_CPU_CLONES(attention_forward, AttentionArgs<double>)

}  // namespace lldm
