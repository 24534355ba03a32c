// SPDX-License-Identifier: MIT
// A library with the C functions of bitsandbytes that lldm calls, on the host's memory: loops that
// follow their descriptions.  Built several times, with one thing wrong each.
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#define FAKE extern "C" __attribute__((visibility("default")))

namespace {

// What the test asks for afterwards.
void* stream_of_last_call = nullptr;
int calls = 0;

constexpr float kNf4[16] = {-1.0F,
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
                            1.0F};

float number_of(const std::uint8_t* codes, int at, int block, const float* absmax) {
  const int code = at % 2 == 0 ? codes[at / 2] >> 4 : codes[at / 2] & 15;
#ifdef FAKE_WITH_WRONG_NUMBERS
  return kNf4[15 - code] * absmax[at / block];
#else
  return kNf4[code] * absmax[at / block];
#endif
}

std::uint16_t to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return static_cast<std::uint16_t>((bits + 0x7fffU + (bits >> 16 & 1U)) >> 16);
}
float from_bfloat16(std::uint16_t value) {
  return std::bit_cast<float>(std::uint32_t{value} << 16);
}
float widened(float value) { return value; }
float widened(std::uint16_t value) { return from_bfloat16(value); }
void put(float* to, float value) { *to = value; }
void put(std::uint16_t* to, float value) { *to = to_bfloat16(value); }

std::uint8_t nearest(const float* map, float share) {
  int best = 0;
  for (int code = 1; code < 256; ++code)
    if (std::fabs(map[code] - share) < std::fabs(map[best] - share)) best = code;
  return static_cast<std::uint8_t>(best);
}

constexpr int kBlock = 256;

template <class T>
void adam(T* value, const T* gradient, std::uint8_t* first, std::uint8_t* second, float beta1,
          float beta2, float epsilon, int step, float rate, const float* first_map,
          const float* second_map, float* first_scale, float* second_scale, float weight_decay,
          float gradient_scale, int count) {
  ++calls;
  const float one = 1 - std::pow(beta1, static_cast<float>(step)),
              two = std::sqrt(1 - std::pow(beta2, static_cast<float>(step)));
  for (int begin = 0, block = 0; begin < count; begin += kBlock, ++block) {
    const int size = count - begin < kBlock ? count - begin : kBlock;
    float m[kBlock], v[kBlock], most_m = 0, most_v = 0;
    for (int i = 0; i < size; ++i) {
      const float g = widened(gradient[begin + i]) * gradient_scale;
      m[i] = first_map[first[begin + i]] * first_scale[block] * beta1 + (1 - beta1) * g;
      v[i] = second_map[second[begin + i]] * second_scale[block] * beta2 + (1 - beta2) * g * g;
      most_m = std::fmax(most_m, std::fabs(m[i])), most_v = std::fmax(most_v, v[i]);
    }
    first_scale[block] = most_m, second_scale[block] = most_v;
    for (int i = 0; i < size; ++i) {
      float w =
          widened(value[begin + i]) - rate * two / one * (m[i] / (std::sqrt(v[i]) + two * epsilon));
      if (weight_decay > 0) w *= 1 - rate * weight_decay;
      put(value + begin + i, w);
      first[begin + i] = nearest(first_map, most_m > 0 ? m[i] / most_m : 0);
      second[begin + i] = nearest(second_map, most_v > 0 ? v[i] / most_v : 0);
    }
  }
}

}  // namespace

FAKE void* fake_stream() { return stream_of_last_call; }
FAKE int fake_calls() { return calls; }

FAKE void cdequantize_blockwise_fp32(float* code, unsigned char* codes, float* absmax, float* out,
                                     int block, const int count, void* stream) {
  stream_of_last_call = stream, ++calls;
  for (int i = 0; i < count; ++i) out[i] = code[codes[i]] * absmax[i / block];
}

FAKE void cdequantize_blockwise_fp32_nf4(float* code, unsigned char* codes, float* absmax,
                                         float* out, int block, const int count, void* stream) {
  stream_of_last_call = stream, ++calls;
  if (code != nullptr) std::abort();  // its map is its own
  for (int i = 0; i < count; ++i) out[i] = number_of(codes, i, block, absmax);
}

FAKE void cdequantize_blockwise_bf16_nf4(float* code, unsigned char* codes, float* absmax,
                                         std::uint16_t* out, int block, const int count,
                                         void* stream) {
  stream_of_last_call = stream, ++calls;
  if (code != nullptr) std::abort();
  for (int i = 0; i < count; ++i) out[i] = to_bfloat16(number_of(codes, i, block, absmax));
}

#define FAKE_ADAM(name, T)                                                                     \
  FAKE void name(T* p, T* g, unsigned char* state1, unsigned char* state2, float beta1,        \
                 float beta2, float beta3, float alpha, float eps, int step, float lr,         \
                 float* map1, float* map2, float* absmax1, float* absmax2, float weight_decay, \
                 const float gnorm_scale, bool skip_zeros, int n) {                            \
    if (beta3 != 0 || alpha != 0 || skip_zeros) std::abort();                                  \
    adam(p, g, state1, state2, beta1, beta2, eps, step, lr, map1, map2, absmax1, absmax2,      \
         weight_decay, gnorm_scale, n);                                                        \
  }
FAKE_ADAM(cadam_8bit_blockwise_grad_fp32, float)
#ifdef FAKE_WITHOUT_BFLOAT16_ADAM
FAKE_ADAM(cadam_8bit_blockwise_grad_fp16, std::uint16_t)
#else
FAKE_ADAM(cadam_8bit_blockwise_grad_bf16, std::uint16_t)
#endif
#ifndef FAKE_BEFORE_044
FAKE void cademamix_8bit_blockwise_grad_fp32() { std::abort(); }
#endif
