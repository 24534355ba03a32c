// SPDX-License-Identifier: MIT
// oneDNN's products are reached through LibTorch's dispatcher: its operator for compiled linear
// layers is a plain inner product of dense float32 tensors (measured and checked: docs/results).
#include "model/products.hpp"

#include <ATen/core/List.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/mm.h>

#include <atomic>
#include <cstdlib>
#include <optional>
#include <string>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "model/held_signals.hpp"
#include "model/thin_products.hpp"

namespace lldm {
namespace {

using LinearPointwise = at::Tensor(const at::Tensor&, const at::Tensor&,
                                   const std::optional<at::Tensor>&, std::string_view,
                                   c10::List<std::optional<at::Scalar>>,
                                   std::optional<std::string_view>);

const auto* linear_pointwise() {
  static const auto handle = [] {
    std::optional<c10::TypedOperatorHandle<LinearPointwise>> found;
    if (const auto schema =
            c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""}))
      found = schema->typed<LinearPointwise>();
    return found;
  }();
  return handle ? &*handle : nullptr;
}

/// x [M, K] by w [N, K] -> [M, N].
at::Tensor inner_product(const at::Tensor& x, const at::Tensor& w) {
  const HeldSignals held;
  static const c10::List<std::optional<at::Scalar>> none;
  return linear_pointwise()->call(x, w, std::nullopt, "none", none, "");
}

/// Without AVX-512 its kernels split the inner side by the number of rows: their bits depend on
/// it (seen on a Zen 3, from 16 columns on), and MKL is nearly as fast.
bool has_steady_onednn() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") > 0 && linear_pointwise() != nullptr;
#else
  return false;
#endif
}

bool is_amd() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_is("amd") > 0;
#else
  return false;
#endif
}

ProductLibrary chosen() {
  const char* asked = std::getenv("LLDM_PRODUCTS");
  if (asked == nullptr || *asked == '\0')
    return is_amd() && has_steady_onednn() ? ProductLibrary::onednn : ProductLibrary::mkl;
  const std::string name = asked;
  if (name == "mkl") return ProductLibrary::mkl;
  if (name != "onednn")
    throw ConfigError(message("LLDM_PRODUCTS=", name, ": must be mkl or onednn"));
  if (linear_pointwise() == nullptr)
    throw ConfigError("LLDM_PRODUCTS=onednn: this LibTorch has no mkldnn::_linear_pointwise");
  if (!has_steady_onednn())
    throw ConfigError(
        "LLDM_PRODUCTS=onednn: without AVX-512, which this processor has not, scores would depend "
        "on the rows that are computed beside them\n  mkl has no such products, and is about as "
        "fast there");
  return ProductLibrary::onednn;
}

std::atomic<ProductLibrary>& current() {
  static std::atomic<ProductLibrary> library{chosen()};
  return library;
}

/// Below these a product is mostly the call.  Of the weight alone, never of the rows: a matrix has
/// one library.
constexpr std::int64_t kLeastSide = 16, kLeastValues = 4096;
/// With fewer columns oneDNN's rows depend on their number (seen with 4, 13, 15 and 48).
constexpr std::int64_t kSafeColumns = 64;
/// From here on oneDNN's rows do not depend on their number (seen: the last that did was 97).
constexpr std::int64_t kSafeRows = 128;

bool takes_onednn(const at::Tensor& x, std::int64_t inner, std::int64_t outer) {
  return x.is_cpu() && x.scalar_type() == at::kFloat && inner >= kLeastSide &&
         outer >= kLeastSide && inner * outer >= kLeastValues && x.size(0) > 0 &&
         product_library() == ProductLibrary::onednn;
}

/// Sixteen bits on the CPU.  LibTorch's own products of them round every sum, and take sixty times
/// as long as float32's where the processor has no instruction for them.
bool is_narrow(const at::Tensor& x) { return x.is_cpu() && c10::elementSize(x.scalar_type()) == 2; }

/// A product of two such numbers is exact in float32.
at::Tensor widened(const at::Tensor& x) {
  const PurposeScope purpose(MemoryPurpose::workspace);
  return x.to(at::kFloat);
}

}  // namespace

ProductLibrary product_library() { return current().load(std::memory_order_relaxed); }
bool has_product_library(ProductLibrary library) {
  return library == ProductLibrary::mkl || linear_pointwise() != nullptr;
}
bool is_steady(ProductLibrary library) {
  return library == ProductLibrary::mkl || has_steady_onednn();
}
void use_product_library(ProductLibrary library) {
  if (!has_product_library(library))
    throw ConfigError("use_product_library: this LibTorch has no mkldnn::_linear_pointwise");
  current().store(library);
}

at::Tensor rows_by(const at::Tensor& x, const at::Tensor& weight) {
  if (is_narrow(x)) return rows_by(widened(x), widened(weight));
  if (weight.size(0) < kSafeColumns || !takes_onednn(x, weight.size(1), weight.size(0)))
    return at::mm(x, weight.t());
  // Of memory in another order the feature-major product has other bits.
  const auto rows = row_major(x);
  if (rows.size(0) < kSafeRows) return inner_product(weight, rows).t().contiguous();
  return inner_product(rows, weight);
}

at::Tensor rows_by(ProductLibrary library, const at::Tensor& x, const at::Tensor& weight) {
  return library == ProductLibrary::onednn ? inner_product(x, weight) : at::mm(x, weight.t());
}

at::Tensor columns_by(const at::Tensor& x, const at::Tensor& weight) {
  if (is_narrow(x)) return columns_by(widened(x), widened(weight));
  if (weight.size(0) < kSafeColumns || !takes_onednn(x, weight.size(1), weight.size(0)))
    return at::mm(weight, x.t());
  return inner_product(weight, row_major(x));
}

at::Tensor product(const at::Tensor& a, const at::Tensor& b) {
  if (is_narrow(a)) return product(widened(a), widened(b));
  if (!takes_onednn(a, a.size(1), b.size(1))) return at::mm(a, b);
  return inner_product(row_major(a), b.t());
}

}  // namespace lldm
