// SPDX-License-Identifier: MIT
// The fused kernels as plain functions on device pointers; `stream` is a cudaStream_t.  All are
// asynchronous and allocate nothing.
//
// Errors  Error if the launch is refused.
#pragma once

#include <cstdint>

namespace lldm {
struct AdamWBfloat16;  // train/kernels/adamw.hpp
}

namespace lldm::cuda {

enum class ElementType : std::uint8_t { float32, bfloat16 };

/// Where heads of one kind lie in a row of projections: `group` of them side by side, the groups
/// `outer` numbers apart.
struct HeadPlaces {
  int group = 1, outer = 0, first = 0;
};
struct Rope {
  ElementType type = ElementType::float32;  // of the heads by themselves
  std::int64_t rows = 0;
  int heads = 0;
  int head_width = 0;          // even
  std::int64_t row_width = 0;  // numbers of a row of projections
  HeadPlaces places;
  const float* cosines = nullptr;  // [rows, head_width / 2]
  const float* sines = nullptr;    // the same
};
/// heads [rows, heads, head_width], rotated, of projections [rows, row_width].
void rope_forward(const Rope& in, const float* projections, void* heads, void* stream);
/// Slopes of heads, rotated back, to their places in projections; other places stay.
void rope_backward(const Rope& in, const void* heads, float* projections, void* stream);

/// y [rows, width] = silu(gate) * up of gate_up [rows, 2 width].
void swiglu_forward(std::int64_t rows, std::int64_t width, const float* gate_up, float* y,
                    void* stream);
/// slopes [rows, 2 width] of dy [rows, width]; and y again.
void swiglu_backward(std::int64_t rows, std::int64_t width, const float* gate_up, const float* dy,
                     float* slopes, float* y, void* stream);

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

/// All numbers of one tensor, flat: as the CPU's kernel, bit by bit.
void adamw_bfloat16(const AdamWBfloat16& in, std::int64_t count, void* stream);

}  // namespace lldm::cuda
