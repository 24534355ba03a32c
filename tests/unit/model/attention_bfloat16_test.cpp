// SPDX-License-Identifier: MIT
// Attention whose products read bfloat16, beside loops in float64 that round where it says it does.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "model/kernels/attention.hpp"
#include "model/kernels/clones.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

constexpr std::int64_t kHeads = 4, kKeyHeads = 2, kPositions = 64;
constexpr double kLog2E = 1.44269504088896340736;

double rounded(double x) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
  return std::bit_cast<float>((bits + 0x7fff + ((bits >> 16) & 1)) & 0xffff0000U);
}

/// A pack, feature-major, with heads of `width`.
struct Pack {
  std::int64_t width;
  bool is_interleaved;
  std::vector<std::int64_t> offsets;
  std::int64_t stride;
  std::vector<float> qkv, upstream, out, log_sums, gradient, cosines, sines;

  Pack(const std::vector<std::int64_t>& lengths, std::int64_t of = 16, bool fused = false)
      : width(of), is_interleaved(fused), offsets{0} {
    for (const auto length : lengths) offsets.push_back(offsets.back() + length);
    stride = (offsets.back() + 15) / 16 * 16;
    std::mt19937 generator(7);
    std::normal_distribution<float> normal;
    qkv.resize((kHeads + 2 * kKeyHeads) * width * stride);
    upstream.resize(kHeads * width * stride);
    for (float& x : qkv) x = normal(generator);
    for (float& x : upstream) x = normal(generator);
    out.resize(upstream.size()), log_sums.resize(kHeads * stride), gradient.resize(qkv.size());
    cosines.resize(width / 2 * kPositions), sines.resize(width / 2 * kPositions);
    for (std::int64_t d = 0; d < width / 2; ++d)
      for (std::int64_t i = 0; i < kPositions; ++i) {
        const double angle = static_cast<double>(i) * std::pow(0.3, static_cast<double>(d));
        cosines[d * kPositions + i] = static_cast<float>(std::cos(angle));
        sines[d * kPositions + i] = static_cast<float>(std::sin(angle));
      }
  }
  void attend(const bool* visible, bool in_bfloat16) {
    const AttentionArgs<float> args{
        qkv.data(), cosines.data(),  sines.data(),    offsets.data(), visible, kHeads,
        kKeyHeads,  width,           is_interleaved,  offsets.back(), stride,  kPositions,
        out.data(), log_sums.data(), upstream.data(), gradient.data()};
    const auto units = (static_cast<std::int64_t>(offsets.size()) - 1) * kKeyHeads;
    (in_bfloat16 ? attention_forward_bfloat16 : exact_forward)(args, 0, units);
    (in_bfloat16 ? attention_backward_bfloat16 : exact_backward)(args, 0, units);
  }
  static void exact_forward(const AttentionArgs<float>& args, std::int64_t begin,
                            std::int64_t end) {
    attention_forward(args, begin, end);
  }
  static void exact_backward(const AttentionArgs<float>& args, std::int64_t begin,
                             std::int64_t end) {
    attention_backward(args, begin, end);
  }
};

/// One head of one sequence in float64: what it gives, and what it adds to the gradient of qkv.
struct Slow {
  std::vector<double> out, gradient;
  const Pack& pack;
  const bool* visible;

  Slow(const Pack& of, const bool* seen)
      : out(of.out.size()), gradient(of.qkv.size()), pack(of), visible(seen) {
    for (std::size_t s = 0; s + 1 < of.offsets.size(); ++s)
      for (std::int64_t head = 0; head < kHeads; ++head) attend(s, head);
  }
  /// A value, and a query's or key's number behind the rotation, as products read them.
  double row(std::int64_t feature, std::int64_t token) const {
    return rounded(pack.qkv[feature * pack.stride + token]);
  }
  double turned(std::int64_t first, std::int64_t d, std::int64_t token, std::int64_t position,
                double factor = 1) const {
    const std::int64_t half = pack.width / 2, pair = d % half;
    const double a = pack.qkv[(first + pair) * pack.stride + token],
                 b = pack.qkv[(first + pair + half) * pack.stride + token],
                 cosine = pack.cosines[pair * kPositions + position],
                 sine = pack.sines[pair * kPositions + position];
    return rounded((d < half ? a * cosine - b * sine : b * cosine + a * sine) * factor);
  }
  /// Adds the gradient of a rotated number to those that it is made of.
  void add_turned(std::int64_t first, std::int64_t d, std::int64_t token, std::int64_t position,
                  double slope) {
    const std::int64_t half = pack.width / 2, pair = d % half;
    const double cosine = pack.cosines[pair * kPositions + position],
                 sine = pack.sines[pair * kPositions + position];
    gradient[(first + pair) * pack.stride + token] += slope * (d < half ? cosine : sine);
    gradient[(first + pair + half) * pack.stride + token] += slope * (d < half ? -sine : cosine);
  }
  void attend(std::size_t sequence, std::int64_t head) {
    const std::int64_t begin = pack.offsets[sequence], end = pack.offsets[sequence + 1],
                       stride = pack.stride, out_row = head * pack.width,
                       heads = kHeads / kKeyHeads, group = head / heads,
                       query = (pack.is_interleaved ? group * (heads + 2) + head % heads : head) *
                               pack.width,
                       key = (pack.is_interleaved ? group * (heads + 2) + heads : kHeads + group) *
                             pack.width,
                       value =
                           pack.is_interleaved ? key + pack.width : key + kKeyHeads * pack.width;
    const double scale = 1 / std::sqrt(double(pack.width)), factor = scale * kLog2E;
    for (std::int64_t i = begin; i < end; ++i) {
      std::vector<double> weights(end - begin), slopes(end - begin);
      double largest = -std::numeric_limits<double>::infinity(), total = 0, delta = 0;
      for (std::int64_t j = begin; j < end; ++j) {
        double score = 0;
        for (std::int64_t d = 0; d < pack.width; ++d)
          score += turned(query, d, i, i - begin, factor) * turned(key, d, j, j - begin);
        if (visible != nullptr && !visible[j]) score = -std::numeric_limits<double>::infinity();
        weights[j - begin] = score;
        largest = std::max(largest, score);
      }
      for (double& weight : weights) total += weight = std::exp2(weight - largest);
      for (std::int64_t d = 0; d < pack.width; ++d) {
        double sum = 0;
        for (std::int64_t j = begin; j < end; ++j)
          sum += rounded(weights[j - begin]) * row(value + d, j);
        out[(out_row + d) * stride + i] = sum / total;
        delta += sum / total * pack.upstream[(out_row + d) * stride + i];
      }
      for (std::int64_t j = begin; j < end; ++j) {
        const double weight = weights[j - begin] / total;
        double upward = 0;
        for (std::int64_t d = 0; d < pack.width; ++d) {
          const double up = rounded(pack.upstream[(out_row + d) * stride + i]);
          upward += up * row(value + d, j);
          gradient[(value + d) * stride + j] += rounded(weight) * up;
        }
        const double slope = rounded(weight * (upward - delta));
        for (std::int64_t d = 0; d < pack.width; ++d) {
          add_turned(query, d, i, i - begin, slope * turned(key, d, j, j - begin) * scale);
          add_turned(key, d, j, j - begin, slope * turned(query, d, i, i - begin, factor) / kLog2E);
        }
      }
    }
  }
};

/// |a - b| / |b|.
double distance(const std::vector<float>& a, const std::vector<double>& b) {
  double apart = 0, whole = 0;
  for (std::size_t i = 0; i < b.size(); ++i)
    apart += (a[i] - b[i]) * (a[i] - b[i]), whole += b[i] * b[i];
  return std::sqrt(apart / whole);
}

struct AtLevel {
  explicit AtLevel(CpuLevel level, bool has_pairs = true) {
    limit_cpu_level(level);
    allow_bfloat16_products(has_pairs);
  }
  ~AtLevel() { limit_cpu_level(CpuLevel::avx512), allow_bfloat16_products(true); }
};

}  // namespace

// A weight that lies on the edge between two bfloat16 may fall to either side: 2^-9 of it, of a few
// in a thousand.  Not rounding one operand is 1e-3 and more.
TEST_CASE("bfloat16 attention is that of rounded operands, on every kind of processor",
          "[model][kernels]") {
  const AtLevel level(GENERATE(CpuLevel::baseline, CpuLevel::avx2, CpuLevel::avx512),
                      GENERATE(true, false));
  const bool is_fused = GENERATE(false, true);
  const std::int64_t width = GENERATE(6, 16, 22);
  INFO("width " << width << (is_fused ? ", one matrix" : ""));
  Pack pack({1, 19, 48, 6, 33}, width, is_fused);
  std::vector<char> shown(pack.offsets.back(), 1);
  const auto* visible = reinterpret_cast<bool*>(shown.data());
  SECTION("all tokens are keys") { visible = nullptr; }
  SECTION("odd numbers of keys") {
    for (const std::int64_t hidden : {2, 3, 21, 40, 41, 42, 70, 106}) shown[hidden] = 0;
  }
  pack.attend(visible, true);
  const Slow slow(pack, visible);
  CHECK(distance(pack.out, slow.out) < 3e-4);
  CHECK(distance(pack.gradient, slow.gradient) < 4e-4);
  pack.attend(visible, false);
  CHECK(distance(pack.out, slow.out) > 1e-3);
  CHECK(distance(pack.gradient, slow.gradient) > 1e-3);
}

TEST_CASE("bfloat16 attention of a sequence reads no number of its neighbours'",
          "[model][kernels]") {
  const AtLevel level(GENERATE(CpuLevel::baseline, CpuLevel::avx2, CpuLevel::avx512));
  Pack alone({19, 7}), beside({19, 7});
  for (std::int64_t row = 0; row < (kHeads + 2 * kKeyHeads) * 16; ++row)
    beside.qkv[row * beside.stride + 19] = std::numeric_limits<float>::quiet_NaN();
  alone.attend(nullptr, true), beside.attend(nullptr, true);
  for (std::int64_t row = 0; row < (kHeads + 2 * kKeyHeads) * 16; ++row)
    for (std::int64_t i = 0; i < 26; ++i) {
      const auto at = row * alone.stride + i;
      INFO("row " << row << ", token " << i);
      if (i < 19)
        CHECK(alone.gradient[at] == beside.gradient[at]);
      else
        CHECK(std::isnan(beside.gradient[at]));
    }
}
