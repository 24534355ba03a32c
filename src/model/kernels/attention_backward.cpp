// SPDX-License-Identifier: MIT
#include "model/kernels/attention.hpp"
#include "model/kernels/attention_scratch.hpp"
#include "model/kernels/clones.hpp"

namespace lldm {
namespace {

using namespace attention;

// Scores are computed twice, once with a lane per query (for dq) and once with a lane per key (for
// dk and dv): that costs fewer operations than adding across lanes.
template <class T>
struct BackwardScratch {
  std::vector<std::int64_t> key_rows;
  std::vector<T> keys, keys_t, values, values_t;  // [keys][W], [W][padded keys]
  std::vector<T> queries, queries_t, gradients,
      gradients_t;                  // of one query head: [L][W], [W][padded L]
  std::vector<T> log_sums, deltas;  // [padded L]
  std::vector<T> query_gradient_t, key_gradient_t, value_gradient_t;  // [W][padded]
  std::vector<T> weights, slopes;                                     // [max(L, keys)][lanes]

  void fit(std::int64_t length, std::int64_t width) {
    const std::int64_t lanes = padded<T>(length);
    const auto grow = [](std::vector<T>& v, std::int64_t size) {
      if (static_cast<std::int64_t>(v.size()) < size) v.resize(static_cast<std::size_t>(size));
    };
    for (auto* v : {&keys, &values, &queries, &gradients}) grow(*v, length * width);
    for (auto* v : {&keys_t, &values_t, &queries_t, &gradients_t, &query_gradient_t,
                    &key_gradient_t, &value_gradient_t})
      grow(*v, width * lanes);
    grow(log_sums, lanes), grow(deltas, lanes);
    grow(weights, length * kLanes<T>), grow(slopes, length * kLanes<T>);
  }
};

// For one block of lanes and every row: p = exp(score - log_sum), and p (dp - delta). `is_by_query`
// says which side has the lanes: its log-sums and deltas are then one per lane, else one per row.
template <class T, bool is_by_query, int R>
[[gnu::always_inline]] inline void slope_rows(const T* lanes_t, const T* lanes_gradient_t,
                                              std::int64_t lanes, const T* rows,
                                              const T* rows_gradient, std::int64_t width,
                                              const T* log_sums, const T* deltas, T* weights,
                                              T* slopes) {
  Vec<T> scores[R], products[R];
  dot_rows<T, R>(lanes_t, lanes, rows, width, width, scores);
  dot_rows<T, R>(lanes_gradient_t, lanes, rows_gradient, width, width, products);
  for (int r = 0; r < R; ++r) {
    const Vec<T> log_sum = is_by_query ? load(log_sums) : simd::broadcast(log_sums[r]);
    const Vec<T> delta = is_by_query ? load(deltas) : simd::broadcast(deltas[r]);
    const Vec<T> weight = simd::exp(scores[r] - log_sum);
    if (!is_by_query) store(weights + r * kLanes<T>, weight);
    store(slopes + r * kLanes<T>, weight * (products[r] - delta));
  }
}

template <class T, int W>
[[gnu::always_inline]] inline void query_side(BackwardScratch<T>& s, std::int64_t length,
                                              std::int64_t runtime_width) {
  const std::int64_t width = W ? W : runtime_width, lanes = padded<T>(length);
  const auto count = static_cast<std::int64_t>(s.key_rows.size());
  std::fill_n(s.query_gradient_t.begin(), width * lanes, T(0));
  for (std::int64_t i = 0; i < length; i += kLanes<T>) {
    const auto rows = [&]<int R>(std::int64_t j) __attribute__((always_inline)) {
      slope_rows<T, true, R>(s.queries_t.data() + i, s.gradients_t.data() + i, lanes,
                             s.keys.data() + j * width, s.values.data() + j * width, width,
                             s.log_sums.data() + i, s.deltas.data() + i, nullptr,
                             s.slopes.data() + j * kLanes<T>);
    };
    std::int64_t j = 0;
    for (; j + 4 <= count; j += 4) rows.template operator()<4>(j);
    for (; j < count; ++j) rows.template operator()<1>(j);
    add_weighted<T>(s.slopes.data(), s.keys.data(), width, count, width,
                    s.query_gradient_t.data() + i, lanes);
  }
}

template <class T, int W>
[[gnu::always_inline]] inline void key_side(BackwardScratch<T>& s, std::int64_t length,
                                            std::int64_t runtime_width) {
  const std::int64_t width = W ? W : runtime_width;
  const auto count = static_cast<std::int64_t>(s.key_rows.size());
  const std::int64_t lanes = padded<T>(count);
  for (std::int64_t j = 0; j < count; j += kLanes<T>) {
    const auto rows = [&]<int R>(std::int64_t i) __attribute__((always_inline)) {
      slope_rows<T, false, R>(s.keys_t.data() + j, s.values_t.data() + j, lanes,
                              s.queries.data() + i * width, s.gradients.data() + i * width, width,
                              s.log_sums.data() + i, s.deltas.data() + i,
                              s.weights.data() + i * kLanes<T>, s.slopes.data() + i * kLanes<T>);
    };
    std::int64_t i = 0;
    for (; i + 4 <= length; i += 4) rows.template operator()<4>(i);
    for (; i < length; ++i) rows.template operator()<1>(i);
    add_weighted<T>(s.weights.data(), s.gradients.data(), width, length, width,
                    s.value_gradient_t.data() + j, lanes);
    add_weighted<T>(s.slopes.data(), s.queries.data(), width, length, width,
                    s.key_gradient_t.data() + j, lanes);
  }
}

// Rotated keys and plain values, in both layouts.
template <class T, int W>
[[gnu::always_inline]] inline void load_keys(const AttentionArgs<T>& a, const Unit& unit,
                                             BackwardScratch<T>& s) {
  const std::int64_t width = W ? W : a.head_width,
                     lanes = padded<T>(static_cast<std::int64_t>(s.key_rows.size()));
  for (auto* v : {&s.keys_t, &s.values_t, &s.key_gradient_t, &s.value_gradient_t})
    std::fill_n(v->begin(), width * lanes, T(0));
  for (std::int64_t j = 0; j < static_cast<std::int64_t>(s.key_rows.size()); ++j) {
    const std::int64_t position = s.key_rows[static_cast<std::size_t>(j)];
    const T* row = a.qkv + (unit.first_row + position) * unit.stride;
    rotate_row<T>(a, row + unit.key_offset, position, width, T(1), s.keys.data() + j * width,
                  s.keys_t.data() + j, lanes);
    for (std::int64_t d = 0; d < width; ++d)
      s.values[static_cast<std::size_t>(j * width + d)] =
          s.values_t[static_cast<std::size_t>(d * lanes + j)] = row[unit.value_offset + d];
  }
}

// Rotated scaled queries and the output's gradient of one head, in both layouts; log-sums and
// deltas.
template <class T, int W>
[[gnu::always_inline]] inline void load_queries(const AttentionArgs<T>& a, const Unit& unit,
                                                std::int64_t head, BackwardScratch<T>& s) {
  const std::int64_t width = W ? W : a.head_width, lanes = padded<T>(unit.length);
  const T factor = T(1) / std::sqrt(static_cast<T>(width));
  for (auto* v : {&s.queries_t, &s.gradients_t}) std::fill_n(v->begin(), width * lanes, T(0));
  std::fill_n(s.log_sums.begin(), lanes, T(0));
  std::fill_n(s.deltas.begin(), lanes, T(0));
  for (std::int64_t i = 0; i < unit.length; ++i) {
    const std::int64_t row = unit.first_row + i;
    rotate_row<T>(a, a.qkv + row * unit.stride + head * width, i, width, factor,
                  s.queries.data() + i * width, s.queries_t.data() + i, lanes);
    const T* gradient = a.out_gradient + row * unit.out_stride + head * width;
    const T* out = a.out + row * unit.out_stride + head * width;
    T delta = 0;
    for (std::int64_t d = 0; d < width; ++d) {
      s.gradients[static_cast<std::size_t>(i * width + d)] = gradient[d];
      s.gradients_t[static_cast<std::size_t>(d * lanes + i)] = gradient[d];
      delta += gradient[d] * out[d];
    }
    s.deltas[static_cast<std::size_t>(i)] = delta;
    s.log_sums[static_cast<std::size_t>(i)] = a.log_sums[row * a.heads + head];
  }
}

template <class T, int W>
[[gnu::always_inline]] inline void store_key_gradients(const AttentionArgs<T>& a, const Unit& unit,
                                                       BackwardScratch<T>& s) {
  const std::int64_t width = W ? W : a.head_width,
                     lanes = padded<T>(static_cast<std::int64_t>(s.key_rows.size()));
  if (static_cast<std::int64_t>(s.key_rows.size()) < unit.length)  // hidden keys: no gradient
    for (std::int64_t i = 0; i < unit.length; ++i) {
      T* row = a.qkv_gradient + (unit.first_row + i) * unit.stride;
      std::fill_n(row + unit.key_offset, width, T(0));
      std::fill_n(row + unit.value_offset, width, T(0));
    }
  for (std::int64_t j = 0; j < static_cast<std::int64_t>(s.key_rows.size()); ++j) {
    const std::int64_t position = s.key_rows[static_cast<std::size_t>(j)];
    T* row = a.qkv_gradient + (unit.first_row + position) * unit.stride;
    unrotate_row<T>(a, s.key_gradient_t.data() + j, lanes, position, width, T(1),
                    row + unit.key_offset);
    for (std::int64_t d = 0; d < width; ++d)
      row[unit.value_offset + d] = s.value_gradient_t[static_cast<std::size_t>(d * lanes + j)];
  }
}

template <class T, int W>
[[gnu::always_inline]] inline void backward_unit(const AttentionArgs<T>& a, const Unit& unit,
                                                 BackwardScratch<T>& s) {
  const std::int64_t width = W ? W : a.head_width;
  const T factor = T(1) / std::sqrt(static_cast<T>(width));
  s.fit(unit.length, width);
  visible_rows(a, unit, s.key_rows);
  load_keys<T, W>(a, unit, s);
  for (std::int64_t g = 0; g < unit.group; ++g) {
    const std::int64_t head = unit.kv_head * unit.group + g;
    load_queries<T, W>(a, unit, head, s);
    query_side<T, W>(s, unit.length, width);
    for (std::int64_t i = 0; i < unit.length; ++i)
      unrotate_row<T>(a, s.query_gradient_t.data() + i, padded<T>(unit.length), i, width, factor,
                      a.qkv_gradient + (unit.first_row + i) * unit.stride + head * width);
    key_side<T, W>(s, unit.length, width);
  }
  store_key_gradients<T, W>(a, unit, s);
}

template <class T>
[[gnu::always_inline]] inline void attention_backward_body(const AttentionArgs<T>& a,
                                                           std::int64_t begin, std::int64_t end) {
  BackwardScratch<T> scratch;
  for (std::int64_t index = begin; index < end; ++index) {
    const Unit unit = unit_of(a, index);
    if constexpr (kLanes<T> == 16) {  // float32: widths worth unrolling
      if (a.head_width == 8) {
        backward_unit<T, 8>(a, unit, scratch);
        continue;
      }
    }
    backward_unit<T, 0>(a, unit, scratch);
  }
}

}  // namespace

LLDM_CPU_CLONES(attention_backward, AttentionArgs<float>)
LLDM_CPU_CLONES(attention_backward, AttentionArgs<double>)

}  // namespace lldm
