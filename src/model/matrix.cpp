// SPDX-License-Identifier: MIT
#include "lldm/model/matrix.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "lldm/errors.hpp"
#include "model/quantized/dynamic_map.hpp"
#include "model/quantized/int8.hpp"
#include "model/quantized/nf4.hpp"

namespace lldm {
namespace {

constexpr std::int64_t kChunkValues = std::int64_t{1} << 22;  // converted at once while filling

std::int64_t blocks_of(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

}  // namespace

Matrix::Matrix(at::Tensor values)
    : rows_(values.size(0)), columns_(values.size(1)), values_(std::move(values)) {}

Matrix Matrix::zeros(std::int64_t out, std::int64_t in, WeightStorage storage, at::ScalarType plain,
                     at::Device device) {
  const auto of = [&](std::initializer_list<std::int64_t> shape, at::ScalarType dtype) {
    return at::zeros(shape, at::TensorOptions(dtype).device(device));
  };
  Matrix matrix;
  matrix.storage_ = storage;
  matrix.rows_ = out;
  matrix.columns_ = in;
  if (storage == WeightStorage::plain || storage == WeightStorage::bfloat16) {
    matrix.values_ = of({out, in}, storage == WeightStorage::plain ? plain : at::kBFloat16);
    return matrix;
  }
  if (device.is_cuda())
    throw ConfigError(
        "[model] storage = \"int8\" and \"nf4\": not runnable on a GPU yet\n  there: float32, "
        "bfloat16");
  if (storage == WeightStorage::int8) {
    matrix.values_ = of({out, in}, at::kChar);
    matrix.scales_ = of({out}, at::kFloat);
  } else {
    const std::int64_t blocks = blocks_of(out * in, kNf4Block);
    matrix.values_ = of({blocks_of(out * in, 2)}, at::kByte);
    matrix.scales_ = of({blocks}, at::kByte);
    matrix.nested_ = of({1 + blocks_of(blocks, kDynamicBlock)}, at::kFloat);
  }
  return matrix;
}

void Matrix::assign(const at::Tensor& values) const {
  if (storage_ == WeightStorage::plain || storage_ == WeightStorage::bfloat16) {
    at::Tensor(values_).copy_(values.detach());
    return;
  }
  // Whole blocks in every chunk: the least rows whose numbers are a multiple of 64, times as many
  // as fit.
  const std::int64_t unit = kNf4Block;
  const std::int64_t step =
      std::max<std::int64_t>(1, kChunkValues / std::max<std::int64_t>(1, columns_ * unit)) * unit;
  const bool is_int8 = storage_ == WeightStorage::int8;
  const auto absmax = is_int8 ? scales_ : at::empty({scales_.size(0)}, at::kFloat);
  for (std::int64_t begin = 0; begin < rows_; begin += step) {
    const std::int64_t place = begin * columns_;
    const auto chunk = values.detach().narrow(0, begin, std::min(step, rows_ - begin));
    if (!chunk.isfinite().all().item<bool>())
      throw DataError("a weight is not finite: it has no code of int8 or nf4");
    if (is_int8)
      int8_encode(chunk, values_.mutable_data_ptr<std::int8_t>() + place,
                  absmax.mutable_data_ptr<float>() + begin);
    else
      nf4_encode(chunk.to(at::kFloat).contiguous(),
                 values_.mutable_data_ptr<std::uint8_t>() + place / 2,
                 absmax.mutable_data_ptr<float>() + place / kNf4Block);
  }
  if (!is_int8)
    nf4_encode_absmax(absmax, scales_.mutable_data_ptr<std::uint8_t>(),
                      nested_.mutable_data_ptr<float>());
}

at::Tensor Matrix::dequantized(std::int64_t begin, std::int64_t count, at::ScalarType dtype) const {
  if (storage_ == WeightStorage::plain || storage_ == WeightStorage::bfloat16)
    return values_.narrow(0, begin, count).to(dtype);
  auto numbers = at::empty({count, columns_}, at::kFloat);
  float* out = numbers.mutable_data_ptr<float>();
  if (storage_ == WeightStorage::int8) {
    int8_decode(values_.const_data_ptr<std::int8_t>() + begin * columns_,
                scales_.const_data_ptr<float>() + begin, count, columns_, out);
  } else {
    const std::int64_t from = begin * columns_, to = (begin + count) * columns_;
    const std::int64_t first = from / kNf4Block, last = blocks_of(to, kNf4Block);
    std::vector<float> absmax(static_cast<std::size_t>(last - first));
    nf4_decode_absmax(scales_.const_data_ptr<std::uint8_t>(), nested_.const_data_ptr<float>(),
                      first, last, absmax.data());
    nf4_decode(values_.const_data_ptr<std::uint8_t>(), absmax.data(), from, to, out);
  }
  return numbers.to(dtype);
}

std::vector<std::pair<std::string, at::Tensor>> Matrix::parts() const {
  std::vector<std::pair<std::string, at::Tensor>> parts{{"", values_}};
  if (scales_.defined()) parts.emplace_back(".absmax", scales_);
  if (nested_.defined()) parts.emplace_back(".nested_absmax", nested_);
  return parts;
}

}  // namespace lldm
