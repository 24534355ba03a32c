// SPDX-License-Identifier: MIT
// Adafactor of a matrix on plain memory, every operation rounded by itself: the same bits on every
// processor, and those of the tensor operations but for the order of float64 sums.
#pragma once

#include <cstdint>

#include "train/kernels/random_bits.hpp"

namespace lldm {

/// T: float, or std::uint16_t for bfloat16 as its bits.
template <class T>
struct AdafactorMatrix {
  const T* gradient;
  float scale;           // that clipping asks for
  float least;           // added to every square
  std::int64_t columns;  // of a row
};

/// Of rows [begin, end): means of the squares of each row, and their sums by column.
template <class T>
struct AdafactorSquares {
  AdafactorMatrix<T> matrix;
  float* row_means;     // [rows]
  double* column_sums;  // [columns], added to
};
void adafactor_squares(const AdafactorSquares<float>&, std::int64_t begin, std::int64_t end);
void adafactor_squares(const AdafactorSquares<std::uint16_t>&, std::int64_t begin,
                       std::int64_t end);

/// What a gradient is divided by, one after the other.
struct AdafactorRoots {
  const float *row, *column;  // [rows], [columns]
};

/// Of numbers [begin, end): the sum of squares of U = g / row / column, and of the weights where
/// they are asked for.
template <class T>
struct AdafactorNorm {
  AdafactorMatrix<T> matrix;
  AdafactorRoots roots;
  const T* value;  // or null
  double *squares, *weights;
};
void adafactor_norm(const AdafactorNorm<float>&, std::int64_t begin, std::int64_t end);
void adafactor_norm(const AdafactorNorm<std::uint16_t>&, std::int64_t begin, std::int64_t end);

/// Of numbers [begin, end), begin a multiple of kRandomGroup:  w = w * keep - U * factor;  the
/// gradient is cleared.
template <class T>
struct AdafactorUpdate {
  AdafactorMatrix<T> matrix;
  AdafactorRoots roots;
  float keep, factor;
  RandomPlace place;
  bool is_stochastic;  // rounding of a bfloat16 weight
  T *value, *gradient;
};
void adafactor_update(const AdafactorUpdate<float>&, std::int64_t begin, std::int64_t end);
void adafactor_update(const AdafactorUpdate<std::uint16_t>&, std::int64_t begin, std::int64_t end);

}  // namespace lldm
