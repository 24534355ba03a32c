// SPDX-License-Identifier: MIT
#include "lldm/model/matrix.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "lldm/errors.hpp"
#include "model/quantized/dynamic_map.hpp"
#include "model/quantized/int8.hpp"
#include "model/quantized/int8_on_device.hpp"
#include "model/quantized/nf4.hpp"
#include "model/quantized/nf4_on_device.hpp"
#include "model/wide_products.hpp"

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
  if (has_numbers()) {
    at::Tensor(values_).copy_(values.detach());
    return;
  }
  // Whole blocks in every chunk: the least rows whose numbers are a multiple of 64, times as many
  // as fit.
  const std::int64_t unit = kNf4Block;
  const std::int64_t step =
      std::max<std::int64_t>(1, kChunkValues / std::max<std::int64_t>(1, columns_ * unit)) * unit;
  const bool is_int8 = storage_ == WeightStorage::int8;
  // Encoded on the host, wherever the codes are to lie: the one encoder, the same codes.
  const auto host = [](const at::Tensor& part) { return at::empty_like(part, at::kCPU); };
  const bool is_here = values_.is_cpu();
  const auto codes = is_here ? values_ : host(values_);
  const auto scales = is_here ? scales_ : host(scales_);
  const auto absmax = is_int8 ? scales : at::empty({scales_.size(0)}, at::kFloat);
  for (std::int64_t begin = 0; begin < rows_; begin += step) {
    const std::int64_t place = begin * columns_;
    const auto chunk = values.detach().narrow(0, begin, std::min(step, rows_ - begin)).to(at::kCPU);
    if (!chunk.isfinite().all().item<bool>())
      throw DataError("a weight is not finite: it has no code of int8 or nf4");
    if (is_int8)
      int8_encode(chunk, codes.mutable_data_ptr<std::int8_t>() + place,
                  absmax.mutable_data_ptr<float>() + begin);
    else
      nf4_encode(chunk.to(at::kFloat).contiguous(),
                 codes.mutable_data_ptr<std::uint8_t>() + place / 2,
                 absmax.mutable_data_ptr<float>() + place / kNf4Block);
  }
  const auto nested = is_int8 || is_here ? nested_ : host(nested_);
  if (!is_int8)
    nf4_encode_absmax(absmax, scales.mutable_data_ptr<std::uint8_t>(),
                      nested.mutable_data_ptr<float>());
  if (is_here) {  // written past LibTorch, which counts changes
    for (const auto& part : parts()) part.second.unsafeGetTensorImpl()->bump_version();
    return;
  }
  at::Tensor(values_).copy_(codes);
  at::Tensor(scales_).copy_(scales);
  if (nested.defined()) at::Tensor(nested_).copy_(nested);
}

at::Tensor Matrix::dequantized(std::int64_t begin, std::int64_t count, at::ScalarType dtype) const {
  if (has_numbers()) return rounded(values_.narrow(0, begin, count), dtype);
  if (!values_.is_cpu()) {
    if (storage_ == WeightStorage::int8)
      return int8_on_device(values_.narrow(0, begin, count), scales_.narrow(0, begin, count),
                            dtype);
    return nf4_on_device({values_, scales_, nested_}, begin * columns_, (begin + count) * columns_,
                         dtype)
        .view({count, columns_});
  }
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
  return rounded(numbers, dtype);
}

Matrix Matrix::placed(const std::function<at::Tensor(const at::Tensor&)>& place) const {
  Matrix other = *this;
  for (at::Tensor* part : {&other.values_, &other.scales_, &other.nested_})
    if (part->defined()) *part = place(*part);
  return other;
}

std::vector<std::pair<std::string, at::Tensor>> Matrix::parts() const {
  std::vector<std::pair<std::string, at::Tensor>> parts{{"", values_}};
  if (scales_.defined()) parts.emplace_back(".absmax", scales_);
  if (nested_.defined()) parts.emplace_back(".nested_absmax", nested_);
  return parts;
}

}  // namespace lldm
