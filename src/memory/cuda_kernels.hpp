// SPDX-License-Identifier: MIT
// The fused kernels as plain functions on device pointers; `stream` is a cudaStream_t.  All are
// asynchronous and allocate nothing.
//
// Errors  Error if the launch is refused.
#pragma once

#include <cstdint>

namespace lldm::cuda {

enum class ElementType : std::uint8_t { float32, bfloat16 };

struct RmsNorm {
  ElementType type = ElementType::float32;
  std::int64_t rows = 0;
  int width = 0;
  float eps = 1e-5f;
  const void* x = nullptr;       // [rows, width]
  const void* weight = nullptr;  // [width]
};
/// y [rows, width]; inverse_rms [rows] float32, for the backward.
void rms_norm_forward(const RmsNorm& in, void* y, float* inverse_rms, void* stream);

/// Rows of `partial`, which the caller allocates for the backward: [groups, width] float32.
[[nodiscard]] std::int64_t rms_norm_groups(std::int64_t rows);
/// dx [rows, width]; dw [width] float32, overwritten.  Sums in a fixed order: the same bits every
/// time.
void rms_norm_backward(const RmsNorm& in, const float* inverse_rms, const void* dy, void* dx,
                       float* dw, float* partial, void* stream);

struct Rope {
  ElementType type = ElementType::float32;
  std::int64_t rows = 0;
  int heads = 0;
  int head_width = 0;                       // even
  const std::int64_t* positions = nullptr;  // [rows]
  const float* cosines = nullptr;           // [positions, head_width / 2]
  const float* sines = nullptr;             // the same
};
/// y [rows, heads, head_width] of x; may be the same memory.
void rope_forward(const Rope& in, const void* x, void* y, void* stream);
void rope_backward(const Rope& in, const void* dy, void* dx, void* stream);

/// y = silu(gate) * up, all [count].
void swiglu_forward(ElementType type, std::int64_t count, const void* gate, const void* up, void* y,
                    void* stream);
void swiglu_backward(ElementType type, std::int64_t count, const void* gate, const void* up,
                     const void* dy, void* dgate, void* dup, void* stream);

/// out [rows, columns] = codes * absmax / 127.
void int8_decode(ElementType type, const std::int8_t* codes, const float* absmax, std::int64_t rows,
                 std::int64_t columns, void* out, void* stream);

/// Numbers [begin, end) of a row-major matrix in nf4 (model/quantized/nf4.hpp).
struct Nf4 {
  struct Codebook {
    float values[16];
  } codebook;
  struct Map {
    float values[256];
  } map;
  const std::uint8_t* bytes = nullptr;   // of the whole matrix, two codes each
  const std::uint8_t* scales = nullptr;  // [blocks of 64]
  const float* nested = nullptr;         // [1 + blocks of 64 * 256]
  std::int64_t begin = 0, end = 0;
};
void nf4_decode(ElementType type, const Nf4& in, void* out, void* stream);

/// out [streams, width]: the first numbers of Stream::uniform_open of streams whose keys and
/// subsequences are `places` [streams, 2], bit by bit (draws/philox.hpp).
void uniforms(const std::uint64_t* places, std::int64_t streams, std::int64_t width, double* out,
              void* stream);

}  // namespace lldm::cuda
