// SPDX-License-Identifier: MIT
// Optimizers as loops in float64: what the fast ones are held against.
#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "lldm/train/adamw.hpp"

namespace lldm::testing {

/// Loshchilov & Hutter 2019, algorithm 2, of one tensor.
struct SlowAdamW {
  AdamW::Options options;
  std::vector<double> first, second;
  std::int64_t steps = 0;

  void step(std::vector<double>& w, const std::vector<double>& gradient, double rate) {
    first.resize(w.size()), second.resize(w.size());
    double squares = 0;
    for (const double g : gradient) squares += g * g;
    const double norm = std::sqrt(squares), most = options.max_gradient_norm;
    const double scale = most > 0 && norm > most ? most / (norm + 1e-6) : 1;
    ++steps;
    const double one = 1 - std::pow(options.beta1, static_cast<double>(steps)),
                 two = 1 - std::pow(options.beta2, static_cast<double>(steps));
    for (std::size_t i = 0; i < w.size(); ++i) {
      const double g = gradient[i] * scale;
      first[i] = options.beta1 * first[i] + (1 - options.beta1) * g;
      second[i] = options.beta2 * second[i] + (1 - options.beta2) * g * g;
      w[i] -= rate * options.weight_decay * w[i];
      w[i] -= rate * (first[i] / one) / (std::sqrt(second[i] / two) + options.epsilon);
    }
  }
};

/// Shazeer & Stern 2018, algorithms 4 and 5, without momentum, of one matrix [rows, columns].
struct SlowAdafactor {
  std::int64_t rows, columns;
  double weight_decay = 0;
  bool relative_step = false;
  std::vector<double> row, column;
  std::int64_t steps = 0;

  void step(std::vector<double>& w, const std::vector<double>& gradient, double rate) {
    const auto n = static_cast<std::size_t>(rows), m = static_cast<std::size_t>(columns);
    row.resize(n), column.resize(m);
    const double share = std::pow(static_cast<double>(++steps), -0.8);
    std::vector<double> row_sum(n), column_sum(m);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < m; ++j) {
        const double square = gradient[i * m + j] * gradient[i * m + j] + 1e-30;
        row_sum[i] += square, column_sum[j] += square;
      }
    double all = 0;
    for (std::size_t i = 0; i < n; ++i) all += row[i] = (1 - share) * row[i] + share * row_sum[i];
    for (std::size_t j = 0; j < m; ++j) column[j] = (1 - share) * column[j] + share * column_sum[j];
    std::vector<double> u(w.size());
    double squares = 0, weights = 0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < m; ++j) {
        u[i * m + j] = gradient[i * m + j] / std::sqrt(row[i] * column[j] / all);
        squares += u[i * m + j] * u[i * m + j];
        weights += w[i * m + j] * w[i * m + j];
      }
    const auto count = static_cast<double>(w.size());
    const double clip = std::max(1.0, std::sqrt(squares / count));
    if (relative_step) rate *= std::max(1e-3, std::sqrt(weights / count));
    for (std::size_t i = 0; i < w.size(); ++i) w[i] -= rate * (weight_decay * w[i] + u[i] / clip);
  }
};

}  // namespace lldm::testing
