// SPDX-License-Identifier: MIT
// The trial of int8's decoder, and the decoder where there is a GPU.
#include "model/quantized/int8_on_device.hpp"

#include <ATen/TensorOperators.h>

#include "lldm/memory/device.hpp"
#include "model/quantized/by_operations.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("a decoder of int8 is taken for the host's bits alone", "[cuda][int8]") {
  CHECK(int8_trial(at::kCPU,
                   [](const at::Tensor& codes, const at::Tensor& absmax, at::ScalarType dtype) {
                     return int8_by_operations(codes, absmax).to(dtype);
                   }) == "");
  const std::string wrong = int8_trial(
      at::kCPU, [](const at::Tensor& codes, const at::Tensor& absmax, at::ScalarType dtype) {
        // Divided last: one rounding less, other last bits.
        return codes.to(at::kFloat).mul(absmax.unsqueeze(1)).div(127.0F).to(dtype);
      });
  CHECK(has(wrong, "rows 0 to 37 of a trial in int8 came out wrong in Float"));
}

TEST_CASE("our kernel of int8 passes its trial", "[cuda][int8]") {
  const DeviceChoice choice = select_device("auto");
  if (choice.device != "cuda") {
    CHECK(int8_decoder_text() == "");
    WARN("the kernel did not run: " << choice.reason);
    return;
  }
  CHECK(int8_trial(at::kCUDA, int8_on_device) == "");
  CHECK(int8_decoder_text() == "our kernel");
}
