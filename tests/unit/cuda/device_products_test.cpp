// SPDX-License-Identifier: MIT
// The trial of products of 16 bits that give float32, with products that are right and wrong, and
// on a GPU where there is one.
#include "model/device_products.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mm.h>

#include "lldm/memory/device.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

at::Tensor summed(const at::Tensor& a, const at::Tensor& b) {
  return at::mm(a.to(at::kFloat), b.to(at::kFloat));
}
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("products of 16 bits are taken where their sums are float32's", "[cuda][products]") {
  const auto tried = [](const DeviceProduct& multiply) {
    return device_product_trial(at::kCPU, multiply);
  };
  CHECK(tried([](const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool adds) {
          adds ? y.add_(summed(a, b)) : y.copy_(summed(a, b));
        }) == "");
  // Rounded behind the sums, as products of 16 bits are by themselves.
  CHECK(has(tried([](const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool adds) {
              const auto narrow = summed(a, b).to(a.scalar_type());
              adds ? y.add_(narrow) : y.copy_(narrow);
            }),
            "in BFloat16 into rows, is off by"));
  // What was there is lost.
  CHECK(has(tried([](const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool) {
              y.copy_(summed(a, b));
            }),
            "added, is off by"));
  // A neighbour is written.
  CHECK(has(tried([](const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool adds) {
              adds ? y.add_(summed(a, b)) : y.copy_(summed(a, b));
              y.as_strided({1}, {1}, y.storage_offset() - y.stride(1)).fill_(2);
            }),
            "wrote beside its place"));
}

TEST_CASE("a GPU's products pass their trial", "[cuda][products]") {
  const DeviceChoice choice = select_device("auto");
  if (choice.device != "cuda") {
    CHECK_FALSE(has_device_products(at::kCPU, at::kBFloat16));
    WARN("the products did not run: " << choice.reason);
    return;
  }
  CHECK(has_device_products(at::kCUDA, at::kBFloat16));
  CHECK(device_products_text() == "float32 results");
  CHECK_FALSE(has_device_products(at::kCUDA, at::kFloat));
}
