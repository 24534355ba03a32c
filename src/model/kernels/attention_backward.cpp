// SPDX-License-Identifier: MIT
#include "model/kernels/attention.hpp"
#include "model/kernels/attention_parts.hpp"
#include "model/kernels/attention_products.hpp"
#include "model/kernels/clones.hpp"
#include "model/kernels/transpose_square.hpp"

namespace lldm {
namespace {

using namespace attention;

// A lane per key, a row per query: sums over queries need nothing else, and for those over keys
// tiles of slopes are turned round.
template <class T, Operands kOf>
struct BackwardScratch {
  std::vector<std::int64_t> key_columns;  // empty: every column
  std::vector<T> keys, values, queries, upstream, dkeys, dvalues, dqueries;
  std::vector<T> log_sums, deltas;  // [padded]
  std::vector<T> weights, slopes;   // [queries][lanes]
  // Pairs of tokens; exact and rounded operands are the same for both products.
  std::vector<T> key_tokens, query_tokens, upstream_tokens;

  void fit(std::int64_t length, std::int64_t width) {
    for (auto* memory : {&keys, &values, &queries, &upstream, &dkeys, &dvalues, &dqueries})
      grow(*memory, panels_size<T>(length, width));
    if constexpr (kOf == Operands::pairs)
      for (auto* memory : {&key_tokens, &query_tokens, &upstream_tokens})
        grow(*memory, panels_size<T>(length, width));
    for (auto* memory : {&log_sums, &deltas}) grow(*memory, padded<T>(length));
    for (auto* memory : {&weights, &slopes}) grow(*memory, padded<T>(length) * kLanes<T>);
  }

  /// What add_weighted reads.
  [[gnu::always_inline]] static const T* tokens_of(const std::vector<T>& numbers,
                                                   const std::vector<T>& tokens) {
    return kOf == Operands::pairs ? tokens.data() : numbers.data();
  }
};

// What both products read of `length` tokens' numbers.
template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void make_operands(std::vector<T>& numbers, std::vector<T>& tokens,
                                                 std::int64_t length, std::int64_t width) {
  if constexpr (kOf == Operands::pairs)
    pair_tokens<T, kBytes, kOf>(numbers.data(), length, width, tokens.data());
  pair_features<T, kBytes, kOf>(numbers.data(), length, width);
}

// p = 2^(score - log_sum) and p (dp - delta) of a panel of keys and kRows queries from i on.
template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void slope_rows(BackwardScratch<T, kOf>& s, const T* keys,
                                              const T* values, std::int64_t i, std::int64_t width) {
  using V = Lanes<T, kBytes>;
  constexpr int kRows = Registers<T, kBytes>::kRows;
  const std::int64_t first = column_at<T>(i, width);
  T *weights = s.weights.data() + i * kLanes<T>, *slopes = s.slopes.data() + i * kLanes<T>;
  dot_columns<T, kBytes, kOf>(keys, s.queries.data() + first, width, weights);
  dot_columns<T, kBytes, kOf>(values, s.upstream.data() + first, width, slopes);
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
    const V weight = simd::exp2(load<V>(weights + r * kLanes<T>) - s.log_sums[i + r]);
    store(weights + r * kLanes<T>, weight);
    store(slopes + r * kLanes<T>, weight * (load<V>(slopes + r * kLanes<T>) - s.deltas[i + r]));
  }
}

// A tile of kLanes rows and columns.
template <class T, int kBytes>
[[gnu::always_inline]] inline void transpose(const T* from, T* to) {
  using Square = simd::Register<T, kBytes>;
  constexpr int kSide = sizeof(Square) / sizeof(T);
  for (int r = 0; r < kLanes<T>; r += kSide)
    for (int c = 0; c < kLanes<T>; c += kSide)
      simd::transpose_square<Square>(from + r * kLanes<T> + c, kLanes<T>, to + c * kLanes<T> + r,
                                     kLanes<T>);
}

// What the keys from j on have of every query, and what every query has of them.
template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void backward_panel(BackwardScratch<T, kOf>& s, std::int64_t j,
                                                  std::int64_t length, std::int64_t count,
                                                  std::int64_t width) {
  using Scratch = BackwardScratch<T, kOf>;
  constexpr int kRows = Registers<T, kBytes>::kRows;
  const std::int64_t panel = panel_at<T>(j, width);
  const std::int64_t here = std::min<std::int64_t>(kLanes<T>, count - j);
  const T *keys = s.keys.data() + panel, *values = s.values.data() + panel,
          *key_tokens = Scratch::tokens_of(s.keys, s.key_tokens) + panel;
  alignas(64) T turned[kLanes<T> * kLanes<T>];
  for (std::int64_t i = 0; i < length; i += kLanes<T>) {
    for (std::int64_t r = i; r < i + kLanes<T>; r += kRows)
      slope_rows<T, kBytes, kOf>(s, keys, values, r, width);
    transpose<T, kBytes>(s.slopes.data() + i * kLanes<T>, turned);
    pair_rows<T, kBytes, kOf>(turned, here);
    add_weighted<T, kBytes, kOf>(turned, key_tokens, here, width,
                                 s.dqueries.data() + panel_at<T>(i, width));
  }
  for (auto* rows : {&s.weights, &s.slopes}) pair_rows<T, kBytes, kOf>(rows->data(), length);
  add_weighted<T, kBytes, kOf>(s.weights.data(), Scratch::tokens_of(s.upstream, s.upstream_tokens),
                               length, width, s.dvalues.data() + panel);
  add_weighted<T, kBytes, kOf>(s.slopes.data(), Scratch::tokens_of(s.queries, s.query_tokens),
                               length, width, s.dkeys.data() + panel);
}

// Rotated keys and plain values; their gradients start at zero, since query heads of a group add to
// them.
template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline std::int64_t load_keys(const AttentionArgs<T>& a, const Unit& unit,
                                                     std::int64_t width,
                                                     BackwardScratch<T, kOf>& s) {
  for (auto* memory : {&s.dkeys, &s.dvalues})
    std::fill_n(memory->begin(), panels_size<T>(unit.length, width), T(0));
  rotate_features<T, kBytes>(a, a.qkv + unit.key * a.stride + unit.first, width, unit.length,
                             unit.left, T(1), s.keys.data());
  copy_features<T, kBytes>(a.qkv + unit.value * a.stride + unit.first, a.stride, width, unit.length,
                           unit.left, s.values.data());
  hidden_aware_keys(a, unit, s.key_columns);
  std::int64_t count = unit.length;
  if (!s.key_columns.empty()) {
    count = static_cast<std::int64_t>(s.key_columns.size());
    keep_columns(s.key_columns, width, s.keys.data());
    keep_columns(s.key_columns, width, s.values.data());
  }
  make_operands<T, kBytes, kOf>(s.keys, s.key_tokens, count, width);
  pair_features<T, kBytes, kOf>(s.values.data(), count, width);
  return count;
}

// Rotated scaled queries and upstream gradients of one head; delta = upstream . out, per query.
template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void load_queries(const AttentionArgs<T>& a, const Unit& unit,
                                                std::int64_t g, std::int64_t width, T factor,
                                                BackwardScratch<T, kOf>& s) {
  using V = Lanes<T, kBytes>;
  const std::int64_t rows = unit.query + g * width, out_rows = (unit.first_head + g) * width;
  rotate_features<T, kBytes>(a, a.qkv + rows * a.stride + unit.first, width, unit.length, unit.left,
                             factor, s.queries.data());
  copy_features<T, kBytes>(a.out_gradient + out_rows * a.stride + unit.first, a.stride, width,
                           unit.length, unit.left, s.upstream.data());
  const T* log_sums = a.log_sums + (unit.first_head + g) * a.stride + unit.first;
  for (std::int64_t i = 0; i < unit.length; i += kLanes<T>)
    store(s.log_sums.data() + i, load_columns<T, kBytes>(log_sums + i, unit.left - i));
  std::fill_n(s.deltas.begin(), padded<T>(unit.length), T(0));
  const T *out = a.out + out_rows * a.stride + unit.first, *upstream = s.upstream.data();
  for (std::int64_t d = 0; d < width; ++d, out += a.stride, upstream += kLanes<T>)
    for (std::int64_t i = 0; i < unit.length; i += kLanes<T>) {
      if (d + kRowsAhead < width) __builtin_prefetch(out + kRowsAhead * a.stride + i);
      T* deltas = s.deltas.data() + i;
      store(deltas, load<V>(deltas) + load<V>(upstream + panel_at<T>(i, width)) *
                                          load_columns<T, kBytes>(out + i, unit.left - i));
    }
  make_operands<T, kBytes, kOf>(s.queries, s.query_tokens, unit.length, width);
  make_operands<T, kBytes, kOf>(s.upstream, s.upstream_tokens, unit.length, width);
  std::fill_n(s.dqueries.begin(), panels_size<T>(unit.length, width), T(0));
}

template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void backward_unit(const AttentionArgs<T>& a, const Unit& unit,
                                                 BackwardScratch<T, kOf>& s) {
  const std::int64_t width = a.head_width, length = unit.length;
  const double scale = 1.0 / std::sqrt(static_cast<double>(width));
  s.fit(length, width);
  const std::int64_t count = load_keys<T, kBytes, kOf>(a, unit, width, s);
  const auto write = [&](const std::vector<T>& from,
                         std::int64_t rows) __attribute__((always_inline)) {
    write_features<T, kBytes>(from.data(), width, length,
                              a.qkv_gradient + rows * a.stride + unit.first, a.stride);
  };
  for (std::int64_t g = 0; g < unit.group; ++g) {
    load_queries<T, kBytes, kOf>(a, unit, g, width, static_cast<T>(scale * kLog2E), s);
    for (std::int64_t j = 0; j < count; j += kLanes<T>)
      backward_panel<T, kBytes, kOf>(s, j, length, count, width);
    unrotate_features<T, kBytes>(a, width, length, static_cast<T>(scale), s.dqueries.data());
    write(s.dqueries, unit.query + g * width);
  }
  if (!s.key_columns.empty()) {
    spread_columns(s.key_columns, width, length, s.dkeys.data());
    spread_columns(s.key_columns, width, length, s.dvalues.data());
  }
  // The queries carried log2(e): without it the keys' gradients are 1 / log2(e) of what was added.
  unrotate_features<T, kBytes>(a, width, length, static_cast<T>(1.0 / kLog2E), s.dkeys.data());
  write(s.dkeys, unit.key);
  write(s.dvalues, unit.value);
}

template <class T, int kBytes, Operands kOf>
[[gnu::always_inline]] inline void attention_backward_body(const AttentionArgs<T>& a,
                                                           std::int64_t begin, std::int64_t end) {
  BackwardScratch<T, kOf> scratch;
  for (std::int64_t index = begin; index < end; ++index) {
    const Unit unit = unit_of(a, index);
    backward_unit<T, kBytes, kOf>(a, unit, scratch);
  }
}

}  // namespace

LLDM_CPU_CLONES_OF(attention_backward, AttentionArgs<float>,
                   (attention_backward_body<float, 64, Operands::exact>),
                   (attention_backward_body<float, 32, Operands::exact>))
LLDM_CPU_CLONES_OF(attention_backward, AttentionArgs<double>,
                   (attention_backward_body<double, 64, Operands::exact>),
                   (attention_backward_body<double, 32, Operands::exact>))
LLDM_BFLOAT16_CLONES_OF(attention_backward_bfloat16, AttentionArgs<float>,
                        (attention_backward_body<float, 64, Operands::pairs>),
                        (attention_backward_body<float, 64, Operands::rounded>),
                        (attention_backward_body<float, 32, Operands::rounded>))

}  // namespace lldm
