// SPDX-License-Identifier: MIT
// The weight of a linear layer as it lies in memory.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace lldm {

/// How weights lie in memory.  The embedding and the head are never below bfloat16; norms and
/// biases are always plain.
enum class WeightStorage : std::uint8_t {
  plain,     // in the dtype that the model computes rows in
  bfloat16,  // 2 bytes a weight; it and plain can be trained
  int8,      // a byte a weight and a float32 scale a row (LLM.int8(), without outliers)
  nf4,       // 4 bits a weight and 8.125 a block of 64 (QLoRA's NormalFloat, double quantization)
};

/// Whether the weights themselves can be trained, and not only an adapter beside them.
[[nodiscard]] constexpr bool can_be_trained(WeightStorage storage) {
  return storage == WeightStorage::plain || storage == WeightStorage::bfloat16;
}

/// What a model computes in, and how its weights lie.
struct Precision {
  // NOLINTNEXTLINE(google-explicit-constructor): a dtype alone is a precision
  Precision(at::ScalarType dtype = at::kFloat, WeightStorage held = WeightStorage::plain)
      : compute(dtype), storage(held) {}

  /// float32 or float64; bfloat16, float16: products of blocks read it, add in float32 and give it
  /// (on a CPU: float32, see model/products.hpp), everything between them is float32.
  at::ScalarType compute;
  WeightStorage storage;

  /// Of rows, sums, adapters, and plain weights: float32 or float64.
  [[nodiscard]] at::ScalarType rows() const {
    return compute == at::kDouble ? at::kDouble : at::kFloat;
  }
};

/// A matrix [out, in] in one of the storages.  A handle: copies share memory.
class Matrix {
 public:
  Matrix() = default;
  /// Of these values [out, in], whatever their dtype; they are shared.
  explicit Matrix(at::Tensor values);
  /// Zeros.  `plain`: the dtype where `storage` is plain.
  static Matrix zeros(std::int64_t out, std::int64_t in, WeightStorage storage,
                      at::ScalarType plain, at::Device device);

  [[nodiscard]] bool defined() const { return values_.defined(); }
  [[nodiscard]] std::int64_t rows() const { return rows_; }
  [[nodiscard]] std::int64_t columns() const { return columns_; }
  [[nodiscard]] WeightStorage storage() const { return storage_; }
  [[nodiscard]] bool is_plain() const { return storage_ == WeightStorage::plain; }
  /// Whether a gradient can reach the values: they are numbers, not codes.
  [[nodiscard]] bool has_numbers() const { return can_be_trained(storage_); }
  /// The numbers, where there are some; codes otherwise.
  [[nodiscard]] const at::Tensor& values() const { return values_; }
  /// Fills the matrix, quantizing: [out, in] of any floating dtype.  A chunk of rows at a time, so
  /// that no second copy exists.
  void assign(const at::Tensor& values) const;
  /// Rows [begin, begin + count) as numbers: the memory itself where it has this dtype.
  [[nodiscard]] at::Tensor dequantized(std::int64_t begin, std::int64_t count,
                                       at::ScalarType dtype) const;
  [[nodiscard]] at::Tensor dequantized(at::ScalarType dtype) const {
    return dequantized(0, rows_, dtype);
  }
  /// Everything that the matrix consists of, by the ending of its name: "" for the values.
  [[nodiscard]] std::vector<std::pair<std::string, at::Tensor>> parts() const;
  /// The same matrix in other memory: `place` gives for each of parts() a tensor of its shape and
  /// dtype, which is not filled.
  [[nodiscard]] Matrix placed(const std::function<at::Tensor(const at::Tensor&)>& place) const;

 private:
  WeightStorage storage_ = WeightStorage::plain;
  std::int64_t rows_ = 0, columns_ = 0;
  at::Tensor values_;  // plain, bfloat16, int8: [out, in]; nf4: uint8 [ceil(out in / 2)]
  at::Tensor scales_;  // int8: float32 [out]; nf4: uint8 [blocks of 64]
  at::Tensor nested_;  // nf4: float32 [1 + blocks of 64 * 256]: an offset, then scales of scales_
};

}  // namespace lldm
