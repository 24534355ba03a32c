// SPDX-License-Identifier: MIT
#include "model/rope.hpp"

#include <ATen/ops/empty.h>

#include <cmath>
#include <vector>

#include "model/kernels/attention.hpp"

namespace lldm {
namespace {

// Llama 3: low frequencies are divided by `factor`, high ones kept, with a ramp between.
template <class T>
T ramped(T frequency, const RopeScaling& scaling) {
  constexpr double kTurn = 6.283185307179586;
  const T original = static_cast<T>(scaling.original_length);
  const T low = static_cast<T>(scaling.low_frequency_factor),
          high = static_cast<T>(scaling.high_frequency_factor),
          factor = static_cast<T>(scaling.factor);
  const T wavelength = static_cast<T>(kTurn) / frequency;
  if (wavelength > original / low) return frequency / factor;
  if (wavelength < original / high) return frequency;
  const T smooth = (original / wavelength - low) / (high - low);
  return (T(1) - smooth) * frequency / factor + smooth * frequency;
}

template <class T>
void fill(RopeTables& tables, T theta, const RopeScaling& scaling) {
  const std::int64_t half = tables.cosines.size(0), length = tables.cosines.size(1);
  T* cosines = tables.cosines.mutable_data_ptr<T>();
  T* sines = tables.sines.mutable_data_ptr<T>();
  for (std::int64_t i = 0; i < half; ++i) {
    T frequency = T(1) / std::pow(theta, static_cast<T>(2 * i) / static_cast<T>(2 * half));
    if (scaling.kind == RopeScaling::Kind::linear) frequency /= static_cast<T>(scaling.factor);
    if (scaling.kind == RopeScaling::Kind::llama3) frequency = ramped(frequency, scaling);
    for (std::int64_t position = 0; position < length; ++position) {
      const T angle = static_cast<T>(position) * frequency;
      cosines[i * length + position] = std::cos(angle);
      sines[i * length + position] = std::sin(angle);
    }
  }
}

}  // namespace

RopeTables rope_tables(const TransformerConfig& config, at::ScalarType dtype) {
  const auto options = at::TensorOptions(dtype);
  const std::vector<std::int64_t> shape{config.head_width() / 2, config.max_length + kTablePadding};
  RopeTables tables{at::empty(shape, options), at::empty(shape, options)};
  if (dtype == at::kDouble)
    fill<double>(tables, config.rope_theta, config.rope_scaling);
  else
    fill<float>(tables, static_cast<float>(config.rope_theta), config.rope_scaling);
  if (config.rope_bfloat16)
    for (auto* table : {&tables.cosines, &tables.sines})
      *table = table->to(at::kBFloat16).to(dtype);
  return tables;
}

}  // namespace lldm
