// SPDX-License-Identifier: MIT
// What a processor cannot do itself.
#pragma once

#include <ATen/cpu/Utils.h>

#include <string>

#include "lldm/model/matrix.hpp"

namespace lldm {

/// What is said of a precision that `device` has no instructions for; "" if it has.
inline std::string emulation_note(const Precision& precision, at::Device device) {
  if (!device.is_cpu()) return "";
  if (precision.compute == at::kHalf)
    return "dtype = \"float16\": a CPU rounds what products read to it and multiplies in float32, "
           "slower than float32 alone";
  if (precision.compute != at::kBFloat16) return "";
  const auto capabilities = at::cpu::get_cpu_capabilities();
  const auto found = capabilities.find("avx512_bf16");
  if (found != capabilities.end() && found->second.toBool()) return "";
  return "dtype = \"bfloat16\": this processor has no products of bfloat16; they are emulated, "
         "slower than float32";
}

}  // namespace lldm
