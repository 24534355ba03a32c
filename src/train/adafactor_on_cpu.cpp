// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <span>

#include "train/adafactor_update.hpp"
#include "train/kernels/adafactor.hpp"
#include "train/slices.hpp"

namespace lldm {
namespace {

constexpr std::int64_t kGroupNumbers = std::int64_t{1} << 26;  // whose sums are held at once
constexpr std::int64_t kMostBlocks = 32;                       // of a matrix's rows

/// A matrix and what its step passes on from one pass to the next.
class MatrixStep {
 public:
  explicit MatrixStep(const AdafactorTensor& tensor)
      : tensor_(tensor),
        rows_(tensor.value.size(0)),
        columns_(tensor.value.size(1)),
        at_once_(std::max(
            {std::int64_t{1}, kSliceNumbers / columns_, (rows_ + kMostBlocks - 1) / kMostBlocks})),
        row_(static_cast<std::size_t>(rows_)),
        column_(static_cast<std::size_t>(columns_)),
        sums_(static_cast<std::size_t>(blocks() * columns_)),
        squares_(cut({numbers()}).size()),
        weights_(squares_.size()) {}

  [[nodiscard]] std::int64_t numbers() const { return rows_ * columns_; }
  [[nodiscard]] std::int64_t blocks() const { return (rows_ + at_once_ - 1) / at_once_; }

  void count_squares(std::int64_t block) {
    const std::int64_t begin = block * at_once_, end = std::min(rows_, begin + at_once_);
    typed([&]<class T>(T) {
      adafactor_squares({matrix<T>(), row_.data(), sums_.data() + block * columns_}, begin, end);
    });
  }

  /// Moments are moved on, and the roots made.
  void move_on() {
    auto* row = tensor_.moments.row.mutable_data_ptr<float>();
    auto* column = tensor_.moments.column.mutable_data_ptr<float>();
    const auto fresh = static_cast<float>(tensor_.step.share),
               old = static_cast<float>(1 - tensor_.step.share);
    double all = 0;
    for (std::size_t i = 0; i < row_.size(); ++i) {
      row[i] = row[i] * old + row_[i] * fresh;
      all += static_cast<double>(row[i]);
    }
    const auto mean = static_cast<float>(all / static_cast<double>(rows_));
    for (std::size_t i = 0; i < row_.size(); ++i) row_[i] = std::sqrt(row[i] / mean);
    for (std::size_t j = 0; j < column_.size(); ++j) {
      double sum = 0;
      for (std::size_t at = j; at < sums_.size(); at += column_.size()) sum += sums_[at];
      column[j] = column[j] * old + static_cast<float>(sum / static_cast<double>(rows_)) * fresh;
      column_[j] = std::sqrt(column[j]);
    }
  }

  void add_norms(const Slice& slice) {
    const auto s = static_cast<std::size_t>(slice.begin / kSliceNumbers);
    typed([&]<class T>(T) {
      const T* value = tensor_.step.is_relative ? data<T>(tensor_.value) : nullptr;
      adafactor_norm({matrix<T>(), roots(), value, &squares_[s], &weights_[s]}, slice.begin,
                     slice.end);
    });
  }

  /// What every number is multiplied by, and its direction.
  void settle() {
    const AdafactorStep& step = tensor_.step;
    const auto root_mean = [&](const std::vector<double>& squares) {
      double sum = 0;
      for (const double square : squares) sum += square;
      return std::sqrt(sum / static_cast<double>(numbers()));
    };
    const double scale = step.is_relative ? std::max(kAdafactorLeastScale, root_mean(weights_)) : 1;
    const double rate = scale * step.learning_rate;
    keep_ = static_cast<float>(1 - rate * step.weight_decay);
    factor_ =
        static_cast<float>(rate / std::max(1.0, root_mean(squares_) / kAdafactorLargestUpdate));
  }

  void update(const Slice& slice) const {
    typed([&]<class T>(T) {
      adafactor_update(
          {matrix<T>(), roots(), keep_, factor_, tensor_.step.place, tensor_.step.is_stochastic,
           data<T>(tensor_.value), data<T>(tensor_.gradient)},
          slice.begin, slice.end);
    });
  }

 private:
  template <class T>
  static T* data(const at::Tensor& tensor) {
    return static_cast<T*>(tensor.mutable_data_ptr());
  }
  template <class T>
  [[nodiscard]] AdafactorMatrix<T> matrix() const {
    return {data<T>(tensor_.gradient), static_cast<float>(tensor_.step.gradient_scale),
            static_cast<float>(kAdafactorLeastSquare), columns_};
  }
  [[nodiscard]] AdafactorRoots roots() const { return {row_.data(), column_.data()}; }
  void typed(const auto& use) const {
    if (tensor_.value.scalar_type() == at::kFloat)
      use(float{});
    else
      use(std::uint16_t{});
  }

  const AdafactorTensor& tensor_;
  std::int64_t rows_, columns_, at_once_;
  std::vector<float> row_, column_;        // means of squares, then the roots
  std::vector<double> sums_;               // [blocks, columns]
  std::vector<double> squares_, weights_;  // by slice
  float keep_ = 1, factor_ = 0;
};

void step_of(std::span<const AdafactorTensor> tensors) {
  std::vector<MatrixStep> matrices;
  matrices.reserve(tensors.size());
  std::vector<Slice> blocks;  // of rows
  std::vector<std::int64_t> counts;
  for (const AdafactorTensor& tensor : tensors) {
    const MatrixStep& matrix = matrices.emplace_back(tensor);
    counts.push_back(matrix.numbers());
    for (std::int64_t block = 0; block < matrix.blocks(); ++block)
      blocks.push_back({matrices.size() - 1, block, block + 1});
  }
  const std::vector<Slice> slices = cut(counts);
  in_parallel(blocks.size(),
              [&](std::size_t b) { matrices[blocks[b].tensor].count_squares(blocks[b].begin); });
  in_parallel(matrices.size(), [&](std::size_t i) { matrices[i].move_on(); });
  in_parallel(slices.size(),
              [&](std::size_t s) { matrices[slices[s].tensor].add_norms(slices[s]); });
  for (MatrixStep& matrix : matrices) matrix.settle();
  in_parallel(slices.size(), [&](std::size_t s) { matrices[slices[s].tensor].update(slices[s]); });
}

}  // namespace

void adafactor_on_cpu(const std::vector<AdafactorTensor>& tensors) {
  for (std::size_t begin = 0; begin < tensors.size();) {
    std::size_t end = begin;
    for (std::int64_t numbers = 0;
         end < tensors.size() && (end == begin || numbers < kGroupNumbers); ++end)
      numbers += tensors[end].value.numel();
    step_of(std::span(tensors).subspan(begin, end - begin));
    begin = end;
  }
}

}  // namespace lldm
