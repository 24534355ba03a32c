// SPDX-License-Identifier: MIT
#include "lldm/measure/product_rate.hpp"

#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/mm.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <map>

#include "lldm/memory/purpose.hpp"
#include "model/products.hpp"
#include "model/wide_products.hpp"

namespace lldm {
namespace {

using Product = std::function<at::Tensor(const at::Tensor& x, const at::Tensor& weight)>;

struct Library {
  std::string name;
  Product product;
};

std::vector<Library> libraries(at::ScalarType dtype, at::Device device) {
  const Product mm = [](const at::Tensor& x, const at::Tensor& weight) {
    return at::mm(x, weight.t());
  };
  if (!device.is_cpu()) return {{"cuBLAS", mm}};
  if (dtype == at::kBFloat16 && has_wide_products()) return {{"oneDNN", mm}};
  if (dtype == at::kDouble) return {{"MKL", mm}};
  // Sixteen bits that the processor does not multiply are widened.
  const auto by = [](ProductLibrary library) -> Product {
    return [library](const at::Tensor& x, const at::Tensor& weight) {
      return rows_by(library, x.to(at::kFloat), weight.to(at::kFloat));
    };
  };
  std::vector<Library> both{{"MKL", by(ProductLibrary::mkl)}};
  if (has_product_library(ProductLibrary::onednn))
    both.push_back({"oneDNN", by(ProductLibrary::onednn)});
  return both;
}

/// Numbers in [-1, 1] without a pattern: on a GPU equal ones are multiplied faster.
at::Tensor operand(std::int64_t rows, std::int64_t columns, const at::TensorOptions& options) {
  return at::arange(rows * columns, options.dtype(at::kFloat))
      .mul_(0.7390851)
      .sin_()
      .view({rows, columns})
      .to(options);
}

double seconds_of(const Library& library, const at::Tensor& x, const at::Tensor& weight) {
  const auto begin = std::chrono::steady_clock::now();
  const at::Tensor y = library.product(x, weight);
  if (!y.is_cpu()) at::detail::getCUDAHooks().deviceSynchronize(y.device().index());
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

std::vector<ProductShape> product_shapes(const ModelShape& model, std::int64_t tokens,
                                         std::int64_t queries) {
  const std::int64_t width = model.width, attention = model.attention_width;
  // Of keys and values together, what the other matrices leave.
  const std::int64_t of_block =
      static_cast<std::int64_t>(model.matrix_values) / std::max<std::int64_t>(1, model.layers);
  const std::int64_t key_value = of_block / width - 2 * attention - 3 * model.mlp_width;
  return {{tokens, width, attention + key_value, model.layers},
          {tokens, attention, width, model.layers},
          {tokens, width, 2 * model.mlp_width, model.layers},
          {tokens, model.mlp_width, width, model.layers},
          {queries, width, model.vocabulary, 1}};
}

ProductRate measure_products(const std::vector<ProductShape>& shapes, at::ScalarType dtype,
                             at::Device device, int repeats) {
  const c10::NoGradGuard no_grad;
  const PurposeScope scope(MemoryPurpose::workspace);
  // What a CPU multiplies float16 in (model/products.hpp).
  if (dtype == at::kHalf && device.is_cpu()) dtype = at::kFloat;
  const at::TensorOptions options = at::TensorOptions(dtype).device(device);
  double flops = 0, seconds = 0;
  std::map<std::string, double> seconds_by_library;
  for (const ProductShape& shape : shapes) {
    if (shape.rows <= 0 || shape.columns <= 0) continue;
    const at::Tensor x = operand(shape.rows, shape.inner, options),
                     weight = operand(shape.columns, shape.inner, options);
    const std::vector<Library> candidates = libraries(dtype, device);
    std::vector<double> best(candidates.size(), std::numeric_limits<double>::infinity());
    for (int repeat = 0; repeat <= repeats; ++repeat)
      for (std::size_t l = 0; l < candidates.size(); ++l)
        if (const double taken = seconds_of(candidates[l], x, weight); repeat > 0)
          best[l] = std::min(best[l], taken);
    const auto fastest = std::ranges::min_element(best);
    const auto count = static_cast<double>(shape.count);
    flops += count * 2 * static_cast<double>(shape.rows) * static_cast<double>(shape.inner) *
             static_cast<double>(shape.columns);
    seconds += count * *fastest;
    seconds_by_library[candidates[static_cast<std::size_t>(fastest - best.begin())].name] +=
        count * *fastest;
  }
  ProductRate rate;
  if (seconds <= 0) return rate;
  rate.flops_per_second = flops / seconds;
  rate.library = std::ranges::max_element(seconds_by_library, {}, [](const auto& entry) {
                   return entry.second;
                 })->first;
  return rate;
}

}  // namespace lldm
