// SPDX-License-Identifier: MIT
#include "model/kernels/attention.hpp"
#include "model/kernels/attention_parts.hpp"
#include "model/kernels/clones.hpp"

namespace lldm {
namespace {

using namespace attention;

template <class T>
struct ForwardScratch {
  std::vector<std::int64_t> key_columns;       // empty: every column
  std::vector<T> keys, values, queries, sums;  // [W][padded]
  std::vector<T> scores;                       // [keys][lanes]

  void fit(std::int64_t length, std::int64_t width) {
    for (auto* memory : {&keys, &values, &queries, &sums}) grow(*memory, width * padded<T>(length));
    grow(scores, length * kLanes<T>);
  }
};

template <class T, int kBytes, int R>
[[gnu::always_inline]] inline Vec<T> scores_of(const T* query, std::int64_t query_stride,
                                               const T* keys, std::int64_t key_stride,
                                               std::int64_t width, Vec<T> largest, T* scores) {
  Vec<T> dots[R];
  dot_columns<T, kBytes, R>(query, query_stride, keys, key_stride, width, dots);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    largest = simd::max<T>(largest, dots[r]);
    store(scores + r * kLanes<T>, dots[r]);
  }
  return largest;
}

// One register of queries against `count` keys: the weighted values go to s.sums, the log-sum is
// returned.
template <class T, int kBytes>
[[gnu::always_inline]] inline Vec<T> forward_block(ForwardScratch<T>& s, std::int64_t begin,
                                                   std::int64_t query_stride, std::int64_t count,
                                                   std::int64_t key_stride, std::int64_t width) {
  const T* query = s.queries.data() + begin;
  Vec<T> largest = simd::broadcast(std::numeric_limits<T>::lowest());
  std::int64_t j = 0;
  for (; j + 8 <= count; j += 8)
    largest = scores_of<T, kBytes, 8>(query, query_stride, s.keys.data() + j, key_stride, width,
                                      largest, s.scores.data() + j * kLanes<T>);
  for (; j < count; ++j)
    largest = scores_of<T, kBytes, 1>(query, query_stride, s.keys.data() + j, key_stride, width,
                                      largest, s.scores.data() + j * kLanes<T>);

  Vec<T> total{};
#pragma GCC unroll 4
  for (j = 0; j < count; ++j) {
    const Vec<T> weight = simd::exp2(load(s.scores.data() + j * kLanes<T>) - largest);
    total += weight;
    store(s.scores.data() + j * kLanes<T>, weight);
  }
  T* sums = s.sums.data() + begin;
  for (std::int64_t d = 0; d < width; ++d) store(sums + d * query_stride, Vec<T>{});
  add_weighted<T, kBytes>(s.scores.data(), s.values.data(), key_stride, count, width, sums,
                          query_stride);
  const Vec<T> inverse = T(1) / total;
  for (std::int64_t d = 0; d < width; ++d)
    store(sums + d * query_stride, load(sums + d * query_stride) * inverse);
  Vec<T> logs{};
  for (int lane = 0; lane < kLanes<T>; ++lane) logs[lane] = std::log2(total[lane]);
  return largest + logs;
}

template <class T, int kBytes>
[[gnu::always_inline]] inline void forward_unit(const AttentionArgs<T>& a, const Unit& unit,
                                                ForwardScratch<T>& s) {
  const std::int64_t width = a.head_width, lanes = padded<T>(unit.length);
  const T factor = static_cast<T>(kLog2E / std::sqrt(static_cast<double>(width)));
  s.fit(unit.length, width);
  hidden_aware_keys(a, unit, s.key_columns);
  rotate_features<T>(a, a.qkv + unit.key * a.stride + unit.first, width, lanes, unit.left, T(1),
                     s.keys.data());
  copy_features<T>(a.qkv + unit.value * a.stride + unit.first, a.stride, width, lanes, unit.left,
                   s.values.data());
  std::int64_t count = unit.length;
  if (!s.key_columns.empty()) {
    count = static_cast<std::int64_t>(s.key_columns.size());
    keep_columns(s.key_columns, width, lanes, s.keys.data());
    keep_columns(s.key_columns, width, lanes, s.values.data());
  }
  for (std::int64_t g = 0; g < unit.group; ++g) {
    const std::int64_t rows = unit.query + g * width;
    rotate_features<T>(a, a.qkv + rows * a.stride + unit.first, width, lanes, unit.left, factor,
                       s.queries.data());
    T* log_sums = a.log_sums + (unit.first_head + g) * a.stride + unit.first;
    for (std::int64_t begin = 0; begin < unit.length; begin += kLanes<T>) {
      const Vec<T> logs = forward_block<T, kBytes>(s, begin, lanes, count, lanes, width);
      simd::store_some(log_sums + begin, logs,
                       std::min<std::int64_t>(kLanes<T>, unit.length - begin));
    }
    write_features<T>(s.sums.data(), lanes, width, unit.length,
                      a.out + (unit.first_head + g) * width * a.stride + unit.first, a.stride);
  }
}

template <class T, int kBytes>
[[gnu::always_inline]] inline void attention_forward_body(const AttentionArgs<T>& a,
                                                          std::int64_t begin, std::int64_t end) {
  ForwardScratch<T> scratch;
  for (std::int64_t index = begin; index < end; ++index) {
    const Unit unit = unit_of(a, index);
    forward_unit<T, kBytes>(a, unit, scratch);
  }
}

}  // namespace

LLDM_CPU_CLONES_BY_REGISTER(attention_forward, AttentionArgs<float>, float)
LLDM_CPU_CLONES_BY_REGISTER(attention_forward, AttentionArgs<double>, double)

}  // namespace lldm
