// SPDX-License-Identifier: MIT
#include "train/kernels/adafactor.hpp"

#include "model/kernels/clones.hpp"
#include "train/kernels/update.hpp"

namespace lldm {
namespace {

[[gnu::always_inline]] inline double sum_of(const Wide& lanes) {
  double sum = 0;
  for (int lane = 0; lane < 8; ++lane) sum += lanes[lane];
  return sum;
}

template <class T>
[[gnu::always_inline]] inline void squares_body(const AdafactorSquares<T>& in, std::int64_t begin,
                                                std::int64_t end) {
  const auto& [gradient, scale, least, columns] = in.matrix;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* __restrict x = gradient + row * columns;
    double* __restrict sums = in.column_sums;
    Wide lanes = {};
    std::int64_t j = 0;
    for (; j + 8 <= columns; j += 8) {
      const Narrow g = eight(x + j) * scale;
      const Wide square = __builtin_convertvector(g * g + least, Wide);
      lanes += square;
      Wide column;
      std::memcpy(&column, sums + j, sizeof column);
      column += square;
      std::memcpy(sums + j, &column, sizeof column);
    }
    double all = sum_of(lanes);
    for (; j < columns; ++j) {
      const float g = widened(x[j]) * scale;
      const auto square = static_cast<double>(g * g + least);
      all += square, sums[j] += square;
    }
    in.row_means[row] = static_cast<float>(all / static_cast<double>(columns));
  }
}

/// U of numbers [at, at + count) of the matrix.
template <class T>
[[gnu::always_inline]] inline void directions(const AdafactorMatrix<T>& matrix,
                                              const AdafactorRoots& roots, std::int64_t at,
                                              std::int64_t count, float* __restrict u) {
  std::int64_t row = at / matrix.columns, column = at % matrix.columns;
  for (std::int64_t done = 0; done < count; ++row, column = 0) {
    const std::int64_t left = count - done, own = matrix.columns - column;
    const std::int64_t size = own < left ? own : left;
    const T* __restrict x = matrix.gradient + at + done;
    const float* __restrict by_column = roots.column + column;
    const float by_row = roots.row[row];
    for (std::int64_t i = 0; i < size; ++i)
      u[done + i] = widened(x[i]) * matrix.scale / by_row / by_column[i];
    done += size;
  }
}

/// Adds the squares of `count` <= kRandomGroup numbers; those behind are zero.
[[gnu::always_inline]] inline void add_squares(const float* numbers, Wide& lanes) {
  for (int i = 0; i < kRandomGroup; i += 8) {
    const Narrow eight_numbers = eight(numbers + i);
    lanes += __builtin_convertvector(eight_numbers * eight_numbers, Wide);
  }
}

template <class T>
[[gnu::always_inline]] inline void norm_body(const AdafactorNorm<T>& in, std::int64_t begin,
                                             std::int64_t end) {
  Wide squares = {}, weights = {};
  for (std::int64_t at = begin; at < end; at += kRandomGroup) {
    const std::int64_t count = end - at < kRandomGroup ? end - at : kRandomGroup;
    float u[kRandomGroup] = {}, w[kRandomGroup] = {};
    directions(in.matrix, in.roots, at, count, u);
    add_squares(u, squares);
    if (!in.value) continue;
    for (std::int64_t i = 0; i < count; ++i) w[i] = widened(in.value[at + i]);
    add_squares(w, weights);
  }
  *in.squares = sum_of(squares);
  *in.weights = sum_of(weights);
}

[[gnu::always_inline]] inline void store(const AdafactorUpdate<float>& in, std::int64_t at,
                                         std::int64_t count, const float* w) {
  for (std::int64_t i = 0; i < count; ++i) in.value[at + i] = w[i];
}
[[gnu::always_inline]] inline void store(const AdafactorUpdate<std::uint16_t>& in, std::int64_t at,
                                         std::int64_t count, const float* w) {
  if (!in.is_stochastic) {
    for (std::int64_t i = 0; i < count; ++i) in.value[at + i] = nearest(w[i]);
    return;
  }
  std::uint32_t low[kRandomGroup], high[kRandomGroup];
  random_bits(in.place, at / kRandomGroup, low, high);
  for (std::int64_t i = 0; i < count; ++i) in.value[at + i] = rounded(w[i], low[i] & 0xffffU);
}

template <class T>
[[gnu::always_inline]] inline void update_body(const AdafactorUpdate<T>& in, std::int64_t begin,
                                               std::int64_t end) {
  for (std::int64_t at = begin; at < end; at += kRandomGroup) {
    const std::int64_t count = end - at < kRandomGroup ? end - at : kRandomGroup;
    float u[kRandomGroup];
    directions(in.matrix, in.roots, at, count, u);
    for (std::int64_t i = 0; i < count; ++i)
      u[i] = widened(in.value[at + i]) * in.keep - u[i] * in.factor;
    store(in, at, count, u);
    for (std::int64_t i = 0; i < count; ++i) in.gradient[at + i] = 0;
  }
}

// The macro's names carry no template arguments.
#define LLDM_ADAFACTOR_CLONES(suffix, T)                                                          \
  [[gnu::always_inline]] inline void squares_##suffix##_body(                                     \
      const AdafactorSquares<T>& in, std::int64_t begin, std::int64_t end) {                      \
    squares_body(in, begin, end);                                                                 \
  }                                                                                               \
  [[gnu::always_inline]] inline void norm_##suffix##_body(const AdafactorNorm<T>& in,             \
                                                          std::int64_t begin, std::int64_t end) { \
    norm_body(in, begin, end);                                                                    \
  }                                                                                               \
  [[gnu::always_inline]] inline void update_##suffix##_body(                                      \
      const AdafactorUpdate<T>& in, std::int64_t begin, std::int64_t end) {                       \
    update_body(in, begin, end);                                                                  \
  }                                                                                               \
  LLDM_CPU_CLONES(squares_##suffix, AdafactorSquares<T>)                                          \
  LLDM_CPU_CLONES(norm_##suffix, AdafactorNorm<T>)                                                \
  LLDM_CPU_CLONES(update_##suffix, AdafactorUpdate<T>)

LLDM_ADAFACTOR_CLONES(of_float, float)
LLDM_ADAFACTOR_CLONES(of_short, std::uint16_t)

}  // namespace

void adafactor_squares(const AdafactorSquares<float>& in, std::int64_t begin, std::int64_t end) {
  squares_of_float(in, begin, end);
}
void adafactor_squares(const AdafactorSquares<std::uint16_t>& in, std::int64_t begin,
                       std::int64_t end) {
  squares_of_short(in, begin, end);
}
void adafactor_norm(const AdafactorNorm<float>& in, std::int64_t begin, std::int64_t end) {
  norm_of_float(in, begin, end);
}
void adafactor_norm(const AdafactorNorm<std::uint16_t>& in, std::int64_t begin, std::int64_t end) {
  norm_of_short(in, begin, end);
}
void adafactor_update(const AdafactorUpdate<float>& in, std::int64_t begin, std::int64_t end) {
  update_of_float(in, begin, end);
}
void adafactor_update(const AdafactorUpdate<std::uint16_t>& in, std::int64_t begin,
                      std::int64_t end) {
  update_of_short(in, begin, end);
}

}  // namespace lldm
