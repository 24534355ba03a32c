// SPDX-License-Identifier: MIT
// bitsandbytes' C functions for CUDA, in a library that is loaded when they are first asked for.
#pragma once

#include <string>

namespace lldm::memory {

/// What is called of it, with the signatures of bitsandbytes 0.44.0 to 0.50
/// (csrc/pythonInterface.cpp); matrices of bfloat16 are void here.  All work on device memory and
/// return at once.  An error of CUDA inside them ends the process: that is how they are made.
struct Bitsandbytes {
  /// out[i] = code[codes[i]] * absmax[i / block]; without a `code` by its own map of four bits, two
  /// numbers a byte.  Reads up to 16 scales past the last one.
  using Decode = void (*)(float* code, unsigned char* codes, float* absmax, void* out, int block,
                          int count, void* stream);
  /// One step of Adam with 8-bit moments in blocks of 256, on CUDA's default stream.
  using Adam = void (*)(void* value, void* gradient, unsigned char* first, unsigned char* second,
                        float beta1, float beta2, float beta3, float alpha, float epsilon, int step,
                        float rate, float* first_map, float* second_map, float* first_scale,
                        float* second_scale, float weight_decay, float gradient_scale,
                        bool skips_zeros, int count);

  std::string file;     // as the dynamic linker found it
  std::string version;  // of the Python package that it lies in; empty outside one
  Decode decode_float32 = nullptr, decode_nf4_float32 = nullptr, decode_nf4_bfloat16 = nullptr;
  Adam adam_float32 = nullptr, adam_bfloat16 = nullptr;
};

/// Loads `file`, a path or a name that the dynamic linker looks for; never unloads it.
/// Errors  Error, one line: it cannot be loaded, functions are missing, another version.
[[nodiscard]] Bitsandbytes load_bitsandbytes(const std::string& file);

/// This process's: what LLDM_BITSANDBYTES names ("off": none), else libbitsandbytes_cuda130.so
/// where the dynamic linker finds it.  Looked for at the first call; nullptr where none is used.
[[nodiscard]] const Bitsandbytes* bitsandbytes();

/// From now on none is used in this process, since a trial gave wrong numbers.
void distrust_bitsandbytes(const std::string& why);

/// "0.50.1", "unknown", or "none" where none is used.
[[nodiscard]] std::string bitsandbytes_version();

/// One line: "0.50.1, FILE", or "not used: " and why.
[[nodiscard]] std::string bitsandbytes_text();

}  // namespace lldm::memory
