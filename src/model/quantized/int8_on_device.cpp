// SPDX-License-Identifier: MIT
#include "model/quantized/int8_on_device.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include "lldm/errors.hpp"
#include "memory/cuda_library.hpp"
#include "model/decided_once.hpp"
#include "model/quantized/by_operations.hpp"
#include "model/quantized/int8.hpp"
#include "model/tried.hpp"

namespace lldm {
namespace {

at::Tensor by_kernel(const memory::CudaFunctions& cuda, const at::Tensor& codes,
                     const at::Tensor& absmax, at::ScalarType dtype) {
  const bool is_bfloat16 = dtype == at::kBFloat16;
  const at::Tensor out =
      at::empty(codes.sizes(), absmax.options().dtype(is_bfloat16 ? at::kBFloat16 : at::kFloat));
  cuda.kernels.int8_decode(is_bfloat16 ? cuda::ElementType::bfloat16 : cuda::ElementType::float32,
                           codes.const_data_ptr<std::int8_t>(), absmax.const_data_ptr<float>(),
                           codes.size(0), codes.size(1), out.mutable_data_ptr(),
                           cuda.current_stream());
  return out.to(dtype);
}

struct Chosen {
  Int8Decode decode;
  std::string text;
};

Chosen choose(const memory::CudaFunctions& cuda, at::Device device) {
  const Int8Decode decode = [&cuda](const at::Tensor& codes, const at::Tensor& absmax,
                                    at::ScalarType dtype) {
    return by_kernel(cuda, codes, absmax, dtype);
  };
  const std::string why = tried([&] { return int8_trial(device, decode); });
  if (why.empty()) return {decode, "our kernel"};
  return {nullptr, "operations: by our kernel " + why};
}

DecidedOnce<Chosen>& decided() {
  static DecidedOnce<Chosen> only;
  return only;
}

}  // namespace

std::string int8_trial(at::Device device, const Int8Decode& decode) {
  constexpr std::int64_t kRows = 37, kColumns = 301;
  // Rows of many sizes: a row by another's scale is found out.
  const at::Tensor values =
      at::arange(1, kRows * kColumns + 1, at::kFloat)
          .mul_(0.7)
          .sin_()
          .view({kRows, kColumns})
          .mul_(at::arange(1, kRows + 1, at::kFloat).mul_(0.37).add_(0.01).unsqueeze(1));
  const at::Tensor codes = at::empty({kRows, kColumns}, at::kChar),
                   absmax = at::empty({kRows}, at::kFloat),
                   wanted = at::empty({kRows, kColumns}, at::kFloat);
  int8_encode(values, codes.mutable_data_ptr<std::int8_t>(), absmax.mutable_data_ptr<float>());
  int8_decode(codes.const_data_ptr<std::int8_t>(), absmax.const_data_ptr<float>(), kRows, kColumns,
              wanted.mutable_data_ptr<float>());
  const at::Tensor there = codes.to(device), scales = absmax.to(device);
  for (const auto& [begin, count] :
       {std::pair<std::int64_t, std::int64_t>{0, kRows}, {17, 5}, {kRows - 1, 1}})
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
      const at::Tensor got =
          decode(there.narrow(0, begin, count), scales.narrow(0, begin, count), dtype).to(at::kCPU);
      if (!at::equal(got, wanted.narrow(0, begin, count).to(dtype)))
        return message("rows ", begin, " to ", begin + count,
                       " of a trial in int8 came out wrong in ", c10::toString(dtype));
    }
  return "";
}

at::Tensor int8_on_device(const at::Tensor& codes, const at::Tensor& absmax, at::ScalarType dtype) {
  const memory::CudaFunctions* cuda = memory::loaded_cuda_functions();
  if (codes.is_cuda() && cuda != nullptr)
    if (const Chosen& by = decided().get([&] { return choose(*cuda, codes.device()); }); by.decode)
      return by.decode(codes, absmax, dtype);
  return int8_by_operations(codes, absmax).to(dtype);
}

std::string int8_decoder_text() {
  const Chosen* made = decided().made();
  return made != nullptr ? made->text : "";
}

}  // namespace lldm
