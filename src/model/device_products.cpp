// SPDX-License-Identifier: MIT
#include "model/device_products.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>

#include "lldm/errors.hpp"
#include "model/decided_once.hpp"
#include "model/tried.hpp"

namespace lldm {
namespace {

constexpr std::string_view kTaken = "float32 results";

DecidedOnce<std::string>& decided() {
  static DecidedOnce<std::string> only;
  return only;
}

std::string decide(at::Device device) {
  const std::string wrong = tried([&] {
    return device_product_trial(
        device, [](const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool adds) {
          device_product(y, a, b, adds);
        });
  });
  return wrong.empty() ? std::string(kTaken) : "results of 16 bits: " + wrong;
}

/// Numbers that 16 bits hold exactly.
at::Tensor numbers(std::int64_t rows, std::int64_t columns, double salt, at::ScalarType type) {
  return at::arange(1, rows * columns + 1, at::kDouble)
      .mul(0.7 + salt)
      .sin()
      .view({rows, columns})
      .to(type);
}

}  // namespace

bool has_device_products(at::Device device, at::ScalarType compute) {
  return device.is_cuda() && c10::elementSize(compute) == 2 &&
         decided().get([&] { return decide(device); }) == kTaken;
}

bool has_untrusted_products() {
  const std::string text = device_products_text();
  return !text.empty() && text != kTaken;
}

std::string device_products_text() {
  const std::string* made = decided().made();
  return made != nullptr ? *made : "";
}

void device_product(const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool adds) {
  if (y.stride(1) != 1) return device_product(y.t(), b.t(), a.t(), adds);
  at::Tensor out = y;
  if (adds)
    at::addmm_out(out, y, a, b, at::kFloat);
  else
    at::mm_out(out, a, b, at::kFloat);
}

at::Tensor device_product(const at::Tensor& a, const at::Tensor& b, at::ScalarType compute) {
  const auto y = at::empty({a.size(0), b.size(1)}, a.options().dtype(at::kFloat));
  device_product(y, a.to(compute), b.to(compute), /*adds=*/false);
  return y;
}

std::string device_product_trial(at::Device device, const DeviceProduct& multiply) {
  constexpr std::int64_t kRows = 24, kInner = 264, kColumns = 40, kBefore = 16;
  // Sums of 264 products of at most one come to some ten: of 16 bits they are off by .02, or .004.
  constexpr double kBound = 5e-4;
  for (const at::ScalarType type : {at::kBFloat16, at::kHalf})
    for (const bool is_turned : {false, true})
      for (const bool adds : {false, true}) {
        const auto a = numbers(kRows, kInner, 0.1, type), b = numbers(kColumns, kInner, 0.2, type);
        auto wanted = a.to(at::kDouble).mm(b.t().to(at::kDouble));
        if (adds) wanted.add_(1);
        // A slice of something wider, whose other numbers stay.
        const auto options = at::TensorOptions(at::kFloat).device(device);
        const auto whole = is_turned ? at::ones({kBefore + kColumns, kRows}, options).t()
                                     : at::ones({kRows, kBefore + kColumns}, options);
        multiply(whole.narrow(1, kBefore, kColumns), a.to(device), b.to(device).t(), adds);
        const auto got = whole.to(at::kCPU, at::kDouble);
        const double off = (got.narrow(1, kBefore, kColumns) - wanted).abs().max().item<double>(),
                     beside = (got.narrow(1, 0, kBefore) - 1).abs().max().item<double>();
        if (!(off <= kBound) || beside != 0)
          return message("a trial of products in ", c10::toString(type),
                         is_turned ? " into columns" : " into rows", adds ? ", added" : "",
                         ", is off by ", off, beside != 0 ? ", and wrote beside its place" : "");
      }
  return "";
}

}  // namespace lldm
