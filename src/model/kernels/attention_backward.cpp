// SPDX-License-Identifier: MIT
#include "model/kernels/attention.hpp"
#include "model/kernels/attention_parts.hpp"
#include "model/kernels/clones.hpp"

namespace lldm {
namespace {

using namespace attention;

// Scores are computed twice, once with a lane per query (for dq) and once with a lane per key (for
// dk and dv): that costs fewer operations than adding across lanes.
template <class T>
struct BackwardScratch {
  std::vector<std::int64_t> key_columns;           // empty: every column
  std::vector<T> keys, values, queries, upstream;  // [W][padded]
  std::vector<T> dkeys, dvalues, dqueries;         // [W][padded]
  std::vector<T> log_sums, deltas;                 // [padded]
  std::vector<T> weights, slopes;                  // [length][lanes]

  void fit(std::int64_t length, std::int64_t width) {
    for (auto* memory : {&keys, &values, &queries, &upstream, &dkeys, &dvalues, &dqueries})
      grow(*memory, width * padded<T>(length));
    for (auto* memory : {&log_sums, &deltas}) grow(*memory, padded<T>(length));
    for (auto* memory : {&weights, &slopes}) grow(*memory, length * kLanes<T>);
  }
};

enum class Side { query, key };

/// One side of a score matrix: its features, and what they are multiplied with for dp.
template <class T>
struct Factors {
  const T* features;  // q or k
  const T* partners;  // upstream or v
  std::int64_t stride;
};

// p = 2^(score - log_sum) and p (dp - delta) for one register of lanes and R columns of the other
// side.
template <class T, int kBytes, Side lane_side, int R>
[[gnu::always_inline]] inline void slope_columns(const Factors<T>& lanes, const Factors<T>& rows,
                                                 std::int64_t width, const T* log_sums,
                                                 const T* deltas, T* weights, T* slopes) {
  Vec<T> scores[R], products[R];
  dot_columns<T, kBytes, R>(lanes.features, lanes.stride, rows.features, rows.stride, width,
                            scores);
  dot_columns<T, kBytes, R>(lanes.partners, lanes.stride, rows.partners, rows.stride, width,
                            products);
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    if constexpr (lane_side == Side::query) {
      const Vec<T> weight = simd::exp2(scores[r] - load(log_sums));
      store(slopes + r * kLanes<T>, weight * (products[r] - load(deltas)));
    } else {
      const Vec<T> weight = simd::exp2(scores[r] - log_sums[r]);
      store(weights + r * kLanes<T>, weight);
      store(slopes + r * kLanes<T>, weight * (products[r] - deltas[r]));
    }
  }
}

template <class T, int kBytes>
[[gnu::always_inline]] inline void query_side(BackwardScratch<T>& s, std::int64_t length,
                                              std::int64_t count, std::int64_t width) {
  const std::int64_t lanes = padded<T>(length);
  for (std::int64_t i = 0; i < length; i += kLanes<T>) {
    const Factors<T> queries{s.queries.data() + i, s.upstream.data() + i, lanes};
    const T *log_sums = s.log_sums.data() + i, *deltas = s.deltas.data() + i;
    std::int64_t j = 0;
    for (; j + 8 <= count; j += 8)
      slope_columns<T, kBytes, Side::query, 8>(
          queries, {s.keys.data() + j, s.values.data() + j, lanes}, width, log_sums, deltas,
          nullptr, s.slopes.data() + j * kLanes<T>);
    for (; j < count; ++j)
      slope_columns<T, kBytes, Side::query, 1>(
          queries, {s.keys.data() + j, s.values.data() + j, lanes}, width, log_sums, deltas,
          nullptr, s.slopes.data() + j * kLanes<T>);
    for (std::int64_t d = 0; d < width; ++d) store(s.dqueries.data() + d * lanes + i, Vec<T>{});
    add_weighted<T, kBytes>(s.slopes.data(), s.keys.data(), lanes, count, width,
                            s.dqueries.data() + i, lanes);
  }
}

template <class T, int kBytes>
[[gnu::always_inline]] inline void key_side(BackwardScratch<T>& s, std::int64_t length,
                                            std::int64_t count, std::int64_t width) {
  const std::int64_t lanes = padded<T>(length);
  for (std::int64_t j = 0; j < count; j += kLanes<T>) {
    const Factors<T> keys{s.keys.data() + j, s.values.data() + j, lanes};
    std::int64_t i = 0;
    for (; i + 8 <= length; i += 8)
      slope_columns<T, kBytes, Side::key, 8>(
          keys, {s.queries.data() + i, s.upstream.data() + i, lanes}, width, s.log_sums.data() + i,
          s.deltas.data() + i, s.weights.data() + i * kLanes<T>, s.slopes.data() + i * kLanes<T>);
    for (; i < length; ++i)
      slope_columns<T, kBytes, Side::key, 1>(
          keys, {s.queries.data() + i, s.upstream.data() + i, lanes}, width, s.log_sums.data() + i,
          s.deltas.data() + i, s.weights.data() + i * kLanes<T>, s.slopes.data() + i * kLanes<T>);
    add_weighted<T, kBytes>(s.weights.data(), s.upstream.data(), lanes, length, width,
                            s.dvalues.data() + j, lanes);
    add_weighted<T, kBytes>(s.slopes.data(), s.queries.data(), lanes, length, width,
                            s.dkeys.data() + j, lanes);
  }
}

// Rotated keys and plain values; their gradients start at zero, since query heads of a group add to
// them.
template <class T>
[[gnu::always_inline]] inline std::int64_t load_keys(const AttentionArgs<T>& a, const Unit& unit,
                                                     std::int64_t width, BackwardScratch<T>& s) {
  const std::int64_t lanes = padded<T>(unit.length);
  for (auto* memory : {&s.dkeys, &s.dvalues}) std::fill_n(memory->begin(), width * lanes, T(0));
  rotate_features<T>(a, a.qkv + unit.key * a.stride + unit.first, width, lanes, unit.left, T(1),
                     s.keys.data());
  copy_features<T>(a.qkv + unit.value * a.stride + unit.first, a.stride, width, lanes, unit.left,
                   s.values.data());
  hidden_aware_keys(a, unit, s.key_columns);
  if (s.key_columns.empty()) return unit.length;
  keep_columns(s.key_columns, width, lanes, s.keys.data());
  keep_columns(s.key_columns, width, lanes, s.values.data());
  return static_cast<std::int64_t>(s.key_columns.size());
}

// Rotated scaled queries and upstream gradients of one head; delta = upstream . out, per query.
template <class T>
[[gnu::always_inline]] inline void load_queries(const AttentionArgs<T>& a, const Unit& unit,
                                                std::int64_t g, std::int64_t width, T factor,
                                                BackwardScratch<T>& s) {
  const std::int64_t lanes = padded<T>(unit.length), rows = unit.query + g * width,
                     out_rows = (unit.first_head + g) * width;
  rotate_features<T>(a, a.qkv + rows * a.stride + unit.first, width, lanes, unit.left, factor,
                     s.queries.data());
  copy_features<T>(a.out_gradient + out_rows * a.stride + unit.first, a.stride, width, lanes,
                   unit.left, s.upstream.data());
  copy_features<T>(a.log_sums + (unit.first_head + g) * a.stride + unit.first, a.stride, 1, lanes,
                   unit.left, s.log_sums.data());
  const T* out = a.out + out_rows * a.stride + unit.first;
  for (std::int64_t i = 0; i < lanes; i += kLanes<T>) {
    Vec<T> delta{};
    for (std::int64_t d = 0; d < width; ++d)
      delta += load(s.upstream.data() + d * lanes + i) *
               load_columns<T>(out + d * a.stride + i, unit.left - i);
    store(s.deltas.data() + i, delta);
  }
}

template <class T, int kBytes>
[[gnu::always_inline]] inline void backward_unit(const AttentionArgs<T>& a, const Unit& unit,
                                                 BackwardScratch<T>& s) {
  const std::int64_t width = a.head_width, lanes = padded<T>(unit.length);
  const double scale = 1.0 / std::sqrt(static_cast<double>(width));
  s.fit(unit.length, width);
  const std::int64_t count = load_keys<T>(a, unit, width, s);
  const auto write = [&](const std::vector<T>& from,
                         std::int64_t rows) __attribute__((always_inline)) {
    write_features<T>(from.data(), lanes, width, unit.length,
                      a.qkv_gradient + rows * a.stride + unit.first, a.stride);
  };
  for (std::int64_t g = 0; g < unit.group; ++g) {
    load_queries<T>(a, unit, g, width, static_cast<T>(scale * kLog2E), s);
    query_side<T, kBytes>(s, unit.length, count, width);
    key_side<T, kBytes>(s, unit.length, count, width);
    unrotate_features<T>(a, width, lanes, static_cast<T>(scale), s.dqueries.data());
    write(s.dqueries, unit.query + g * width);
  }
  if (!s.key_columns.empty()) {
    spread_columns(s.key_columns, width, lanes, s.dkeys.data());
    spread_columns(s.key_columns, width, lanes, s.dvalues.data());
  }
  // The queries carried log2(e): without it the keys' gradients are 1 / log2(e) of what was added.
  unrotate_features<T>(a, width, lanes, static_cast<T>(1.0 / kLog2E), s.dkeys.data());
  write(s.dkeys, unit.key);
  write(s.dvalues, unit.value);
}

template <class T, int kBytes>
[[gnu::always_inline]] inline void attention_backward_body(const AttentionArgs<T>& a,
                                                           std::int64_t begin, std::int64_t end) {
  BackwardScratch<T> scratch;
  for (std::int64_t index = begin; index < end; ++index) {
    const Unit unit = unit_of(a, index);
    backward_unit<T, kBytes>(a, unit, scratch);
  }
}

}  // namespace

LLDM_CPU_CLONES_BY_REGISTER(attention_backward, AttentionArgs<float>, float)
LLDM_CPU_CLONES_BY_REGISTER(attention_backward, AttentionArgs<double>, double)

}  // namespace lldm
