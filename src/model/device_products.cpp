// SPDX-License-Identifier: MIT
#include "model/device_products.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>

#include "lldm/errors.hpp"
#include "memory/device_trouble.hpp"
#include "model/decided_once.hpp"

namespace lldm {
namespace {

constexpr std::string_view kTaken = "float32 results";

DecidedOnce<std::string>& decided() {
  static DecidedOnce<std::string> only;
  return only;
}

/// An error of the device's library is what is wrong, but for a device that is full or gone.
std::string decide(at::Device device) {
  try {
    const std::string wrong = device_product_trial(
        device, [](const at::Tensor& y, const at::Tensor& a, const at::Tensor& b, bool adds) {
          device_product(y, a, b, adds);
        });
    return wrong.empty() ? std::string(kTaken) : "results of 16 bits: " + wrong;
  } catch (const OutOfMemory&) {
    throw;
  } catch (const std::exception& error) {
    const std::string said = error.what();
    if (memory::is_full_device(said) || !memory::lost_device(said).empty()) throw;
    return "results of 16 bits: " + said.substr(0, said.find('\n'));
  }
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
  // Sums of 264 products of at most one; 16 bits behind them would be off by a thousand times.
  constexpr double kBound = 2e-5;
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
