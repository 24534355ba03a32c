// SPDX-License-Identifier: MIT
// What is not finite stays seen: no kernel makes a number of it, whatever the processor.
#include <cmath>
#include <limits>
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
  CHECK(count_nan(attended<T>(T(0.3), std::numeric_limits<T>::quiet_NaN())) == all);
  // Finite numbers whose scores are not.
  const T large = std::sqrt(std::numeric_limits<T>::max());
  CHECK(count_nan(attended<T>(large * 4, large * 4)) == all);
}

template <class T>
void check_rows() {
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (const std::int64_t width : {16, 21}) {  // whole registers, and a rest
    std::vector<T> gate_up(2 * width, T(0.5)), y(width);
    gate_up[width - 1] = nan;
    swiglu_forward(SwigluForward<T>{gate_up.data(), y.data(), width}, 0, 1);
    CHECK(std::isnan(y[width - 1]));
    CHECK(count_nan(y) == 1);
  }
  for (const std::int64_t place : {3, 36}) {
    std::vector<T> logits(37, T(0.5));
    logits[place] = nan;
    const std::int64_t target = 1;
    T chosen = 0;
    softmax_slope(SoftmaxSlope<T>{logits.data(), &target, &chosen, 37, -1, false}, 0, 1);
    CHECK(std::isnan(chosen));
  }
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
