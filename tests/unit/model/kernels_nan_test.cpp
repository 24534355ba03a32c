// SPDX-License-Identifier: MIT
// What is not finite stays seen: no kernel makes a number of it, whatever the processor.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "model/kernels/attention.hpp"
#include "model/kernels/clones.hpp"
#include "model/kernels/rows.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

constexpr CpuLevel kLevels[] = {CpuLevel::baseline, CpuLevel::avx2, CpuLevel::avx512};

struct Limited {
  explicit Limited(CpuLevel level) { limit_cpu_level(level); }
  ~Limited() { limit_cpu_level(CpuLevel::avx512); }
};

/// What an operation makes, what bits may hold in a file, and memory that was filled with 0xFF.
template <class T>
std::vector<T> not_numbers() {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const Bits quiet = std::bit_cast<Bits>(std::numeric_limits<T>::quiet_NaN());
  const Bits all = ~Bits{0};
  return {std::bit_cast<T>(quiet), std::bit_cast<T>(quiet + 1), std::bit_cast<T>(all >> 1),
          std::bit_cast<T>(all)};
}

template <class T>
std::int64_t count_nan(const std::vector<T>& values) {
  std::int64_t count = 0;
  for (const T value : values) count += std::isnan(value);
  return count;
}

/// Attention of one head of width 16 over 19 tokens; `queries` is what all queries hold.
template <class T>
std::vector<T> attended(T queries, T first_key) {
  constexpr std::int64_t kWidth = 16, kLength = 19, kStride = 48;
  std::vector<T> qkv(3 * kWidth * kStride, T(0.1)), out(kWidth * kStride), log_sums(kStride);
  for (std::int64_t d = 0; d < kWidth; ++d)
    for (std::int64_t i = 0; i < kLength; ++i) qkv[d * kStride + i] = queries;
  qkv[kWidth * kStride] = first_key;
  const std::vector<T> cosines(kWidth / 2 * kStride, T(1)), sines(kWidth / 2 * kStride, T(0));
  const std::vector<std::int64_t> offsets = {0, kLength};
  attention_forward(AttentionArgs<T>{qkv.data(), cosines.data(), sines.data(), offsets.data(),
                                     nullptr, 1, 1, kWidth, false, kLength, kStride, kStride,
                                     out.data(), log_sums.data(), nullptr, nullptr},
                    0, 1);
  std::vector<T> result;
  for (std::int64_t d = 0; d < kWidth; ++d)
    for (std::int64_t i = 0; i < kLength; ++i) result.push_back(out[d * kStride + i]);
  return result;
}

template <class T>
void check_attention() {
  CHECK(count_nan(attended<T>(T(0.3), T(0.2))) == 0);
  const auto all = static_cast<std::int64_t>(attended<T>(T(0.3), T(0.2)).size());
  for (const T nan : not_numbers<T>()) CHECK(count_nan(attended<T>(T(0.3), nan)) == all);
  // Finite numbers whose scores are not.
  const T large = std::sqrt(std::numeric_limits<T>::max());
  CHECK(count_nan(attended<T>(large * 4, large * 4)) == all);
}

/// One number that is none makes a whole row of them.
template <class T>
void check_norm_of(T nan, std::int64_t width) {
  std::vector<T> x(width, T(0.5)), y(width), dx(width), sums(width);
  const std::vector<T> weight(width, T(1)), dy(width, T(0.25));
  x[width / 2] = nan;
  T scale = 1;
  rms_norm_forward(RmsNormForward<T>{x.data(), weight.data(), y.data(), &scale, width, T(1e-5)}, 0,
                   1);
  CHECK(std::isnan(scale));
  CHECK(count_nan(y) == width);
  rms_norm_backward(RmsNormBackward<T>{x.data(), weight.data(), &scale, dy.data(), nullptr,
                                       dx.data(), y.data(), sums.data(), width},
                    0, 1);
  CHECK(count_nan(dx) == width);
  CHECK(count_nan(sums) == width);
}

template <class T>
void check_rows_of(T nan) {
  for (const std::int64_t width : {16, 21}) {  // whole registers, and a rest
    std::vector<T> gate_up(2 * width, T(0.5)), y(width), dy(width, T(0.25)), slopes(2 * width);
    gate_up[width - 1] = nan;
    swiglu_forward(SwigluForward<T>{gate_up.data(), y.data(), width}, 0, 1);
    CHECK(std::isnan(y[width - 1]));
    CHECK(count_nan(y) == 1);
    swiglu_backward(SwigluBackward<T>{gate_up.data(), dy.data(), slopes.data(), y.data(), width}, 0,
                    1);
    CHECK(count_nan(y) == 1);
    CHECK(std::isnan(slopes[width - 1]));
    CHECK(std::isnan(slopes[2 * width - 1]));
    CHECK(count_nan(slopes) == 2);
    check_norm_of(nan, width);
  }
  for (const std::int64_t place : {3, 36}) {
    std::vector<T> logits(37, T(0.5));
    logits[place] = nan;
    const std::int64_t target = 1;
    T chosen = 0;
    softmax_slope(SoftmaxSlope<T>{logits.data(), &target, &chosen, 37, -1, true}, 0, 1);
    CHECK(std::isnan(chosen));
    CHECK(count_nan(logits) == 37);
  }
}

template <class T>
void check_rows() {
  for (const T nan : not_numbers<T>()) check_rows_of(nan);
}

}  // namespace

TEST_CASE("CPU kernels: what is not a number, and scores that overflow, are not made one",
          "[model][kernels]") {
  for (const CpuLevel level : kLevels) {
    INFO("level " << static_cast<int>(level));
    const Limited limited(level);
    check_attention<float>();
    check_attention<double>();
    check_rows<float>();
    check_rows<double>();
  }
}
