// SPDX-License-Identifier: MIT
#include <ATen/TensorOperators.h>
#include <ATen/ops/mean.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "train/adafactor_update.hpp"
#include "train/kernels/adafactor.hpp"
#include "train/slices.hpp"

namespace lldm {
namespace {

template <class T>
T* numbers_of(const at::Tensor& tensor) {
  return static_cast<T*>(tensor.mutable_data_ptr());
}

/// As tensor operations do it, in float32.
void move_on(float* moment, double mean, double share) {
  const auto old = static_cast<float>(1 - share), fresh = static_cast<float>(share);
  *moment = *moment * old + static_cast<float>(mean) * fresh;
}

template <class T>
void count_squares(const AdafactorMatrix<T>& matrix, std::int64_t rows, double share,
                   const AdafactorMoments& moments) {
  const std::int64_t columns = matrix.columns,
                     at_once = std::max<std::int64_t>(1, kSliceNumbers / columns);
  const auto blocks = static_cast<std::size_t>((rows + at_once - 1) / at_once);
  std::vector<float> means(static_cast<std::size_t>(rows));
  std::vector<double> sums(blocks * static_cast<std::size_t>(columns));
  in_parallel(blocks, [&](std::size_t block) {
    const std::int64_t begin = static_cast<std::int64_t>(block) * at_once;
    double* own = sums.data() + block * static_cast<std::size_t>(columns);
    adafactor_squares({matrix, means.data(), own}, begin, std::min(rows, begin + at_once));
  });
  auto* row = moments.row.mutable_data_ptr<float>();
  auto* column = moments.column.mutable_data_ptr<float>();
  for (std::size_t i = 0; i < means.size(); ++i) move_on(row + i, means[i], share);
  for (std::int64_t j = 0; j < columns; ++j) {
    double sum = 0;
    for (std::size_t block = 0; block < blocks; ++block)
      sum += sums[block * static_cast<std::size_t>(columns) + static_cast<std::size_t>(j)];
    move_on(column + j, sum / static_cast<double>(rows), share);
  }
}

template <class T>
void step_of(const AdafactorStep& step, const at::Tensor& value, const at::Tensor& gradient,
             const AdafactorMoments& moments) {
  const AdafactorMatrix<T> matrix{numbers_of<T>(gradient), static_cast<float>(step.gradient_scale),
                                  static_cast<float>(kAdafactorLeastSquare), value.size(1)};
  count_squares(matrix, value.size(0), step.share, moments);
  const at::Tensor row = (moments.row / moments.row.mean()).sqrt_(), column = moments.column.sqrt();
  const AdafactorRoots roots{row.const_data_ptr<float>(), column.const_data_ptr<float>()};
  const std::vector<Slice> slices = cut({value.numel()});
  std::vector<double> squares(slices.size()), weights(slices.size());
  in_parallel(slices.size(), [&](std::size_t s) {
    adafactor_norm({matrix, roots, step.is_relative ? numbers_of<T>(value) : nullptr, &squares[s],
                    &weights[s]},
                   slices[s].begin, slices[s].end);
  });
  double square = 0, weight = 0;
  for (std::size_t s = 0; s < slices.size(); ++s) square += squares[s], weight += weights[s];
  const auto numbers = static_cast<double>(value.numel());
  const double root_mean = std::sqrt(square / numbers);
  const double scale =
      step.is_relative ? std::max(kAdafactorLeastScale, std::sqrt(weight / numbers)) : 1;
  const double rate = scale * step.learning_rate;
  const auto keep = static_cast<float>(1 - rate * step.weight_decay),
             factor = static_cast<float>(rate / std::max(1.0, root_mean / kAdafactorLargestUpdate));
  in_parallel(slices.size(), [&](std::size_t s) {
    adafactor_update({matrix, roots, keep, factor, step.place, step.is_stochastic,
                      numbers_of<T>(value), numbers_of<T>(gradient)},
                     slices[s].begin, slices[s].end);
  });
}

}  // namespace

void adafactor_on_cpu(const AdafactorStep& step, const at::Tensor& value,
                      const at::Tensor& gradient, const AdafactorMoments& moments) {
  if (value.scalar_type() == at::kFloat)
    step_of<float>(step, value, gradient, moments);
  else
    step_of<std::uint16_t>(step, value, gradient, moments);
}

}  // namespace lldm
