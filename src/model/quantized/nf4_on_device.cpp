// SPDX-License-Identifier: MIT
#include "model/quantized/nf4_on_device.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "lldm/errors.hpp"
#include "model/decided_once.hpp"
#include "model/quantized/by_operations.hpp"
#include "model/quantized/dynamic_map.hpp"
#include "model/quantized/nf4.hpp"
#include "model/tried.hpp"

namespace lldm {
namespace {

/// Floats that the library's last threads read behind the scales, whose values they drop.
constexpr std::int64_t kReadBehind = 16;

std::int64_t up(std::int64_t count, std::int64_t size) { return (count + size - 1) / size; }

/// The signed dynamic map on the matrix's device, copied there once.  A GPU's stays: a destructor
/// at the process's end would come after LibTorch's.
at::Tensor map_on(at::Device device) {
  static std::mutex lock;
  static auto* const all = new std::vector<at::Tensor>();
  const std::scoped_lock held(lock);
  for (const at::Tensor& map : *all)
    if (map.device() == device) return map;
  const auto& values = dynamic_map(true);
  all->push_back(at::from_blob(const_cast<float*>(values.data()),
                               {static_cast<std::int64_t>(values.size())}, at::kFloat)
                     .to(device, at::kFloat, /*non_blocking=*/false, /*copy=*/true));
  return all->back();
}

/// absmax of blocks [group * 256, last), with kReadBehind floats of nothing behind it.
at::Tensor absmax_by(const memory::Bitsandbytes& library, void* stream, const Nf4Codes& matrix,
                     std::int64_t group, std::int64_t last) {
  const std::int64_t first = group * kDynamicBlock, count = last - first;
  const at::Tensor map = map_on(matrix.scales.device());
  const at::Tensor scales = at::constant_pad_nd(
      matrix.nested.narrow(0, 1 + group, up(count, kDynamicBlock)), {0, kReadBehind}, 0);
  at::Tensor out = at::empty({count + kReadBehind}, matrix.nested.options());
  library.decode_float32(map.mutable_data_ptr<float>(),
                         matrix.scales.mutable_data_ptr<std::uint8_t>() + first,
                         scales.mutable_data_ptr<float>(), out.mutable_data_ptr<float>(),
                         static_cast<int>(kDynamicBlock), static_cast<int>(count), stream);
  // A tensor, not a number: nothing is read back.
  out.narrow(0, 0, count).add_(matrix.nested.narrow(0, 0, 1));
  return out;
}

}  // namespace

at::Tensor nf4_by_bitsandbytes(const memory::Bitsandbytes& library, void* stream,
                               const Nf4Codes& matrix, std::int64_t begin, std::int64_t end,
                               at::ScalarType dtype, std::int64_t numbers_of_call) {
  // From a block whose scale begins a group of scales, so that both of its counts begin at 0.
  constexpr std::int64_t kGroup = kNf4Block * kDynamicBlock;
  const std::int64_t group = begin / kGroup, from = group * kGroup;
  const bool is_bfloat16 = dtype == at::kBFloat16;
  const at::ScalarType made = is_bfloat16 ? at::kBFloat16 : at::kFloat;
  const at::Tensor absmax = absmax_by(library, stream, matrix, group, up(end, kNf4Block));
  const auto decode = is_bfloat16 ? library.decode_nf4_bfloat16 : library.decode_nf4_float32;
  // Whole blocks in front of `begin` are left out: they cost no more than their pointer.
  const std::int64_t start = begin / kNf4Block * kNf4Block;
  at::Tensor out = at::empty({end - start}, matrix.nested.options().dtype(made));
  for (std::int64_t at = start; at < end; at += numbers_of_call)
    decode(nullptr, matrix.bytes.mutable_data_ptr<std::uint8_t>() + at / 2,
           absmax.mutable_data_ptr<float>() + (at - from) / kNf4Block,
           static_cast<char*>(out.mutable_data_ptr()) + (at - start) * out.element_size(),
           static_cast<int>(kNf4Block), static_cast<int>(std::min(numbers_of_call, end - at)),
           stream);
  return out.narrow(0, begin - start, end - begin).to(dtype);
}

at::Tensor nf4_by_kernel(const memory::CudaFunctions::Kernels& kernels, void* stream,
                         const Nf4Codes& matrix, std::int64_t begin, std::int64_t end,
                         at::ScalarType dtype) {
  const bool is_bfloat16 = dtype == at::kBFloat16;
  cuda::Nf4 in;
  std::ranges::copy(kNf4Values, in.codebook.values);
  std::ranges::copy(dynamic_map(true), in.map.values);
  in.bytes = matrix.bytes.const_data_ptr<std::uint8_t>();
  in.scales = matrix.scales.const_data_ptr<std::uint8_t>();
  in.nested = matrix.nested.const_data_ptr<float>();
  in.begin = begin, in.end = end;
  const at::Tensor out = at::empty(
      {end - begin}, matrix.nested.options().dtype(is_bfloat16 ? at::kBFloat16 : at::kFloat));
  kernels.nf4_decode(is_bfloat16 ? cuda::ElementType::bfloat16 : cuda::ElementType::float32, in,
                     out.mutable_data_ptr(), stream);
  return out.to(dtype);
}

std::string nf4_trial(at::Device device, const Nf4Decode& decode) {
  // Two groups of scales and a half, the last block short, an odd number of numbers.
  constexpr std::int64_t kCount = kNf4Block * kDynamicBlock * 5 / 2 + 37;
  const at::Tensor values =
      at::arange(1, kCount + 1, at::kFloat)
          .mul_(0.7)
          .sin_()
          .mul_(at::arange(1, kCount + 1, at::kFloat).mul_(0.001).cos_().add_(1.5));
  const std::int64_t blocks = up(kCount, kNf4Block);
  const auto bytes_of = [](std::int64_t count) { return at::empty({count}, at::kByte); };
  const Nf4Codes here = {bytes_of(up(kCount, 2)), bytes_of(blocks),
                         at::empty({1 + up(blocks, kDynamicBlock)}, at::kFloat)};
  const at::Tensor absmax = at::empty({blocks}, at::kFloat);
  nf4_encode(values, here.bytes.mutable_data_ptr<std::uint8_t>(), absmax.mutable_data_ptr<float>());
  nf4_encode_absmax(absmax, here.scales.mutable_data_ptr<std::uint8_t>(),
                    here.nested.mutable_data_ptr<float>());
  nf4_decode_absmax(here.scales.const_data_ptr<std::uint8_t>(), here.nested.const_data_ptr<float>(),
                    0, blocks, absmax.mutable_data_ptr<float>());
  const at::Tensor wanted = at::empty({kCount}, at::kFloat);
  nf4_decode(here.bytes.const_data_ptr<std::uint8_t>(), absmax.const_data_ptr<float>(), 0, kCount,
             wanted.mutable_data_ptr<float>());
  const Nf4Codes there = {here.bytes.to(device), here.scales.to(device), here.nested.to(device)};
  for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, kCount},
                                   {kNf4Block * kDynamicBlock + 64, kCount},
                                   {kNf4Block * kDynamicBlock - 100, kNf4Block * 300 + 1}})
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      const at::Tensor got = decode(there, begin, end, dtype).to(at::kCPU);
      if (!at::equal(got, wanted.narrow(0, begin, end - begin).to(dtype)))
        return message("numbers ", begin, " to ", end, " of a trial in nf4 came out wrong in ",
                       c10::toString(dtype));
    }
  return "";
}

namespace {

struct Chosen {
  Nf4Decode decode;
  std::string text;
};

Chosen choose(const memory::CudaFunctions& cuda, at::Device device) {
  const auto stream = cuda.current_stream;
  if (const memory::Bitsandbytes* library = memory::bitsandbytes()) {
    const Nf4Decode decode = [library, stream](const Nf4Codes& matrix, std::int64_t begin,
                                               std::int64_t end, at::ScalarType dtype) {
      return nf4_by_bitsandbytes(*library, stream(), matrix, begin, end, dtype);
    };
    const std::string why = tried([&] { return nf4_trial(device, decode); });
    if (why.empty()) return {decode, "bitsandbytes"};
    memory::distrust_bitsandbytes(why);
  }
  const Nf4Decode decode = [&cuda](const Nf4Codes& matrix, std::int64_t begin, std::int64_t end,
                                   at::ScalarType dtype) {
    return nf4_by_kernel(cuda.kernels, cuda.current_stream(), matrix, begin, end, dtype);
  };
  const std::string why = tried([&] { return nf4_trial(device, decode); });
  if (why.empty()) return {decode, "our kernel"};
  return {nullptr, "operations: by our kernel " + why};
}

DecidedOnce<Chosen>& decided() {
  static DecidedOnce<Chosen> only;
  return only;
}

}  // namespace

at::Tensor nf4_on_device(const Nf4Codes& matrix, std::int64_t begin, std::int64_t end,
                         at::ScalarType dtype) {
  const at::Device device = matrix.bytes.device();
  const memory::CudaFunctions* cuda = memory::loaded_cuda_functions();
  if (device.is_cuda() && cuda != nullptr)
    if (const Chosen& by = decided().get([&] { return choose(*cuda, device); }); by.decode)
      return by.decode(matrix, begin, end, dtype);
  return nf4_by_operations(matrix.bytes, matrix.scales, matrix.nested, begin, end).to(dtype);
}

std::string nf4_decoder_text() {
  const Chosen* made = decided().made();
  return made != nullptr ? made->text : "";
}

}  // namespace lldm
