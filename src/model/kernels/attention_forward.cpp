// SPDX-License-Identifier: MIT
#include "model/kernels/attention.hpp"
#include "model/kernels/attention_parts.hpp"
#include "model/kernels/attention_products.hpp"
#include "model/kernels/clones.hpp"

namespace lldm {
namespace {

using namespace attention;

template <class T>
struct ForwardScratch {
  std::vector<std::int64_t> key_columns;  // empty: every column
  std::vector<T> keys, values, queries, sums;
  std::vector<T> scores;  // [keys][lanes]

  void fit(std::int64_t length, std::int64_t width) {
    for (auto* memory : {&keys, &values, &queries, &sums})
      grow(*memory, panels_size<T>(length, width));
    grow(scores, padded<T>(length) * kLanes<T>);
  }
};

// Of `count` rows, a lane; in four chains, or each maximum would wait for the one before.
template <class T, int kBytes>
[[gnu::always_inline]] inline Lanes<T, kBytes> largest_of(const T* rows, std::int64_t count) {
  using V = Lanes<T, kBytes>;
  constexpr int kChains = 4;
  const V lowest = simd::broadcast<V>(std::numeric_limits<T>::lowest());
  V largest[kChains] = {lowest, lowest, lowest, lowest};
  const auto take = [&](int chain, std::int64_t j) __attribute__((always_inline)) {
    largest[chain] = simd::max(largest[chain], load<V>(rows + j * kLanes<T>));
  };
  std::int64_t j = 0;
  for (; j + kChains <= count; j += kChains)
#pragma GCC unroll 4
    for (int chain = 0; chain < kChains; ++chain) take(chain, j + chain);
  for (; j < count; ++j) take(0, j);
  return simd::max(simd::max(largest[0], largest[1]), simd::max(largest[2], largest[3]));
}

// One panel of queries against `count` keys: the weighted values go to `sums`, the log-sum is
// returned.
template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline Lanes<T, kBytes> forward_panel(ForwardScratch<T>& s, const T* queries,
                                                             std::int64_t count, std::int64_t width,
                                                             T* sums) {
  using V = Lanes<T, kBytes>;
  constexpr int kRows = Registers<T, kBytes>::kRows;
  for (std::int64_t j = 0; j < count; j += kRows)  // the last ones may be no keys
    dot_columns<T, kBytes, kOf>(queries, s.keys.data() + column_at<T>(j, width), width,
                                s.scores.data() + j * kLanes<T>);
  const V largest = largest_of<T, kBytes>(s.scores.data(), count);
  V total{};
#pragma GCC unroll 4
  for (std::int64_t j = 0; j < count; ++j) {
    const V weight = simd::exp2(load<V>(s.scores.data() + j * kLanes<T>) - largest);
    total += weight;
    store(s.scores.data() + j * kLanes<T>, weight);
  }
  pair_rows<T, kBytes, kOf>(s.scores.data(), count);
  std::fill_n(sums, width * kLanes<T>, T(0));
  add_weighted<T, kBytes, kOf>(s.scores.data(), s.values.data(), count, width, sums);
  const V inverse = T(1) / total;
  for (std::int64_t d = 0; d < width * kLanes<T>; d += kLanes<T>)
    store(sums + d, load<V>(sums + d) * inverse);
  alignas(64) T logs[kLanes<T>];
  store(logs, total);
  for (T& log : logs) log = std::log2(log);
  return largest + load<V>(logs);
}

template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void forward_unit(const AttentionArgs<T>& a, const Unit& unit,
                                                ForwardScratch<T>& s) {
  const std::int64_t width = a.head_width;
  const T factor = static_cast<T>(kLog2E / std::sqrt(static_cast<double>(width)));
  s.fit(unit.length, width);
  hidden_aware_keys(a, unit, s.key_columns);
  rotate_features<T, kBytes>(a, a.qkv + unit.key * a.stride + unit.first, width, unit.length,
                             unit.left, T(1), s.keys.data());
  copy_features<T, kBytes>(a.qkv + unit.value * a.stride + unit.first, a.stride, width, unit.length,
                           unit.left, s.values.data());
  std::int64_t count = unit.length;
  if (!s.key_columns.empty()) {
    count = static_cast<std::int64_t>(s.key_columns.size());
    keep_columns(s.key_columns, width, s.keys.data());
    keep_columns(s.key_columns, width, s.values.data());
  }
  pair_features<T, kBytes, kOf>(s.keys.data(), count, width);
  pair_tokens<T, kBytes, kOf>(s.values.data(), count, width, s.values.data());
  for (std::int64_t g = 0; g < unit.group; ++g) {
    const std::int64_t rows = unit.query + g * width;
    rotate_features<T, kBytes>(a, a.qkv + rows * a.stride + unit.first, width, unit.length,
                               unit.left, factor, s.queries.data());
    pair_features<T, kBytes, kOf>(s.queries.data(), unit.length, width);
    T* log_sums = a.log_sums + (unit.first_head + g) * a.stride + unit.first;
    for (std::int64_t i = 0; i < unit.length; i += kLanes<T>) {
      const std::int64_t panel = panel_at<T>(i, width);
      const auto logs = forward_panel<T, kBytes, kOf>(s, s.queries.data() + panel, count, width,
                                                      s.sums.data() + panel);
      simd::store_some(log_sums + i, logs, std::min<std::int64_t>(kLanes<T>, unit.length - i));
    }
    write_features<T, kBytes>(s.sums.data(), width, unit.length,
                              a.out + (unit.first_head + g) * width * a.stride + unit.first,
                              a.stride);
  }
}

template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void attention_forward_body(const AttentionArgs<T>& a,
                                                          std::int64_t begin, std::int64_t end) {
  ForwardScratch<T> scratch;
  for (std::int64_t index = begin; index < end; ++index) {
    const Unit unit = unit_of(a, index);
    forward_unit<T, kBytes, kOf>(a, unit, scratch);
  }
}

}  // namespace

LLDM_CPU_CLONES_OF(attention_forward, AttentionArgs<float>,
                   (attention_forward_body<float, 64, Operands::exact>),
                   (attention_forward_body<float, 32, Operands::exact>))
LLDM_CPU_CLONES_OF(attention_forward, AttentionArgs<double>,
                   (attention_forward_body<double, 64, Operands::exact>),
                   (attention_forward_body<double, 32, Operands::exact>))
LLDM_BFLOAT16_CLONES_OF(attention_forward_bfloat16, AttentionArgs<float>,
                        (attention_forward_body<float, 64, Operands::pairs>),
                        (attention_forward_body<float, 64, Operands::rounded>),
                        (attention_forward_body<float, 32, Operands::rounded>))

}  // namespace lldm
