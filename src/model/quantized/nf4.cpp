// SPDX-License-Identifier: MIT
#include "model/quantized/nf4.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/mean.h>

#include <algorithm>
#include <cmath>

#include "model/quantized/dynamic_map.hpp"

namespace lldm {

const std::array<float, 16> kNf4Values = {
    -1.0F,
    -0.6961928009986877F,
    -0.5250730514526367F,
    -0.39491748809814453F,
    -0.28444138169288635F,
    -0.18477343022823334F,
    -0.09105003625154495F,
    0.0F,
    0.07958029955625534F,
    0.16093020141124725F,
    0.24611230194568634F,
    0.33791524171829224F,
    0.44070982933044434F,
    0.5626170039176941F,
    0.7229568362236023F,
    1.0F,
};

namespace {

constexpr std::int64_t kBlocksPerTask = 256;

/// Halfway between neighbouring values.
std::array<double, 15> middles() {
  std::array<double, 15> result{};
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i] = (static_cast<double>(kNf4Values[i]) + static_cast<double>(kNf4Values[i + 1])) / 2;
  return result;
}

std::uint8_t code_of(double x) {
  static const auto bounds = middles();
  std::uint8_t code = 0;
  for (const double bound : bounds) code = static_cast<std::uint8_t>(code + (x > bound));
  return code;
}

std::uint8_t code_at(const std::uint8_t* bytes, std::int64_t place) {
  const std::uint8_t byte = bytes[place / 2];
  return place % 2 == 0 ? byte >> 4 : byte & 15;
}

}  // namespace

void nf4_encode(const at::Tensor& values, std::uint8_t* bytes, float* absmax) {
  const float* x = values.const_data_ptr<float>();
  const std::int64_t count = values.numel(), blocks = (count + kNf4Block - 1) / kNf4Block;
  at::parallel_for(0, blocks, kBlocksPerTask, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t block = first; block < last; ++block) {
      const std::int64_t begin = block * kNf4Block, end = std::min(begin + kNf4Block, count);
      float largest = 0;
      for (std::int64_t i = begin; i < end; ++i) largest = std::max(largest, std::abs(x[i]));
      absmax[block] = largest;
      const auto code = [&](std::int64_t i) -> std::uint8_t {
        return i < end ? code_of(largest > 0 ? x[i] / largest : 0.0F) : 0;
      };
      for (std::int64_t i = begin; i < end; i += 2)
        bytes[i / 2] = static_cast<std::uint8_t>(code(i) << 4 | code(i + 1));
    }
  });
}

void nf4_decode(const std::uint8_t* bytes, const float* absmax, std::int64_t begin,
                std::int64_t end, float* out) {
  const std::int64_t first = begin / kNf4Block, blocks = (end + kNf4Block - 1) / kNf4Block - first;
  at::parallel_for(0, blocks, kBlocksPerTask, [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t block = from; block < to; ++block) {
      std::array<float, 16> table;
      for (std::size_t code = 0; code < table.size(); ++code)
        table[code] = kNf4Values[code] * absmax[block];
      const std::int64_t low = std::max(begin, (first + block) * kNf4Block),
                         high = std::min(end, (first + block + 1) * kNf4Block);
      std::int64_t i = low;
      if (i % 2 == 1 && i < high) out[i - begin] = table[code_at(bytes, i)], ++i;
      for (; i + 1 < high; i += 2) {
        const std::uint8_t byte = bytes[i / 2];
        out[i - begin] = table[byte >> 4];
        out[i + 1 - begin] = table[byte & 15];
      }
      if (i < high) out[i - begin] = table[code_at(bytes, i)];
    }
  });
}

void nf4_encode_absmax(const at::Tensor& absmax, std::uint8_t* codes, float* nested) {
  const float* x = absmax.const_data_ptr<float>();
  const std::int64_t count = absmax.numel();
  nested[0] = at::mean(absmax).item<float>();
  for (std::int64_t begin = 0; begin < count; begin += kDynamicBlock) {
    const std::int64_t end = std::min(begin + kDynamicBlock, count);
    float largest = 0;
    for (std::int64_t i = begin; i < end; ++i)
      largest = std::max(largest, std::abs(x[i] - nested[0]));
    nested[1 + begin / kDynamicBlock] = largest;
    for (std::int64_t i = begin; i < end; ++i)
      codes[i] = dynamic_code(largest > 0 ? (x[i] - nested[0]) / largest : 0.0F);
  }
}

void nf4_decode_absmax(const std::uint8_t* codes, const float* nested, std::int64_t begin,
                       std::int64_t end, float* out) {
  const auto& map = dynamic_map(true);
  for (std::int64_t i = begin; i < end; ++i)
    out[i - begin] = map[codes[i]] * nested[1 + i / kDynamicBlock] + nested[0];
}

}  // namespace lldm
