// SPDX-License-Identifier: MIT
// Both libraries of products: values against float64, and that a row's bits are its own.
#include "model/products.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <ucontext.h>

#include <atomic>
#include <cstdlib>
#include <utility>
#include <vector>

#include "lldm/draws/stream.hpp"
#include "support/catch.hpp"

namespace lldm {
namespace {

at::Tensor drawn(std::int64_t rows, std::int64_t columns, std::uint64_t key) {
  auto values = at::empty({rows, columns}, at::kFloat);
  Stream stream(7, key);
  for (std::int64_t i = 0; i < values.numel(); ++i)
    values.mutable_data_ptr<float>()[i] = static_cast<float>(stream.normal());
  return values;
}

struct Settings {
  ProductLibrary library = product_library();
  int threads = at::get_num_threads();
  ~Settings() {
    use_product_library(library);
    at::set_num_threads(threads);
  }
};

double relative_error(const at::Tensor& got, const at::Tensor& exact) {
  return got.to(at::kDouble).sub(exact).norm().item<double>() / exact.norm().item<double>();
}

// Inner and outer sides of the models that are trained here, below and above kLeastSide, odd ones.
const std::vector<std::pair<std::int64_t, std::int64_t>> kShapes = {
    {24, 17},   {256, 16},  {768, 48},   {16, 768},   {64, 64},   {64, 192},
    {64, 352},  {176, 64},  {97, 131},   {128, 384},  {256, 768}, {444, 126},
    {440, 611}, {768, 768}, {768, 2304}, {2048, 768}, {768, 4096}};

}  // namespace

TEST_CASE("Products: a row has the same bits in every pack, at every place, with 1 and 2 threads") {
  const Settings settings;
  for (const auto library : {ProductLibrary::mkl, ProductLibrary::onednn})
    for (const auto& [inner, outer] : kShapes) {
      if (!is_steady(library)) continue;  // no run takes it here
      use_product_library(library);
      INFO("inner " << inner << ", outer " << outer << ", "
                    << kProductLibraryNames[static_cast<std::size_t>(library)]);
      const auto weight = drawn(outer, inner, 1), x = drawn(640, inner, 2);
      at::set_num_threads(2);
      const auto rows = rows_by(x, weight);
      CHECK(columns_by(x, weight).t().equal(rows));
      CHECK(relative_error(rows, at::mm(x.to(at::kDouble), weight.to(at::kDouble).t())) < 1e-6);
      for (const int threads : {1, 2}) {
        at::set_num_threads(threads);
        for (const std::int64_t count : {32, 48, 64, 80, 96, 112, 128, 144, 208, 256, 400, 640})
          for (const std::int64_t begin :
               {std::int64_t{0}, std::int64_t{7}, std::int64_t{640 - 32}}) {
            if (begin + count > 640) continue;
            INFO(count << " rows from " << begin << ", threads " << threads);
            const auto part = x.narrow(0, begin, count), expected = rows.narrow(0, begin, count);
            CHECK(rows_by(part, weight).equal(expected));
            CHECK(columns_by(part, weight).t().equal(expected));
            // Feature-major memory, as attention leaves it.
            CHECK(rows_by(part.t().contiguous().t(), weight).equal(expected));
          }
      }
    }
}

TEST_CASE("Products: what is taken without being asked for is steady") {
  CHECK(is_steady(ProductLibrary::mkl));
  if (std::getenv("LLDM_PRODUCTS") == nullptr) CHECK(is_steady(product_library()));
}

TEST_CASE("Products: gradients by both libraries are those of float64") {
  const Settings settings;
  for (const auto library : {ProductLibrary::mkl, ProductLibrary::onednn})
    for (const auto& [inner, outer] : kShapes) {
      use_product_library(library);
      const auto weight = drawn(outer, inner, 1), x = drawn(144, inner, 2),
                 dy = drawn(144, outer, 3);
      const auto exact = [](const at::Tensor& a, const at::Tensor& b) {
        return at::mm(a.to(at::kDouble), b.to(at::kDouble));
      };
      INFO("inner " << inner << ", outer " << outer);
      CHECK(relative_error(product(dy, weight), exact(dy, weight)) < 1e-6);
      CHECK(relative_error(product(weight.t(), dy.t()), exact(weight.t(), dy.t())) < 1e-6);
      CHECK(relative_error(product(dy.t(), x), exact(dy.t(), x)) < 1e-6);
      CHECK(product(dy.t(), x).equal(product(dy.t(), x)));
    }
}

TEST_CASE("Products: no rows, and other dtypes than float32, are LibTorch's own") {
  const Settings settings;
  use_product_library(ProductLibrary::onednn);
  const auto weight = drawn(64, 96, 1);
  CHECK(rows_by(drawn(0, 96, 2), weight).sizes() == at::IntArrayRef({0, 64}));
  const auto x = drawn(32, 96, 2).to(at::kDouble);
  CHECK(rows_by(x, weight.to(at::kDouble)).equal(at::mm(x, weight.to(at::kDouble).t())));
}

#if defined(__x86_64__)
namespace {

std::atomic<std::int64_t> signals{0}, astray{0};
std::uintptr_t stack_low = 0, stack_high = 0;

void look(int, siginfo_t*, void* context) {
  const auto& registers = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs;
  const auto pointer = static_cast<std::uintptr_t>(registers[REG_RSP]);
  // A helper's stack ends at its descriptor.
  const auto self = static_cast<std::uintptr_t>(::pthread_self());
  const bool is_helpers = pointer < self && self - pointer < (std::uintptr_t{16} << 20);
  ++signals;
  if ((pointer < stack_low || pointer > stack_high) && !is_helpers) ++astray;
}

/// Sends a signal every 100 microseconds, handled on a stack of its own, while it lives.
struct Signals {
  Signals() {
    const auto here = reinterpret_cast<std::uintptr_t>(&handler);
    stack_low = here - (std::uintptr_t{8} << 20), stack_high = here + (std::uintptr_t{8} << 20);
    signals = astray = 0;
    const stack_t own{memory.data(), 0, memory.size()};
    ::sigaltstack(&own, &old_stack);
    handler.sa_sigaction = look;
    handler.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    ::sigaction(SIGALRM, &handler, &old_handler);
    const itimerval often{{0, 100}, {0, 100}};
    ::setitimer(ITIMER_REAL, &often, nullptr);
  }
  ~Signals() {
    const itimerval never{};
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &old_handler, nullptr);
    ::sigaltstack(&old_stack, nullptr);
  }
  std::vector<char> memory = std::vector<char>(std::size_t{1} << 16);
  struct sigaction handler{}, old_handler{};
  stack_t old_stack{};
};

}  // namespace

TEST_CASE("Products: a signal never finds the stack register elsewhere than on the stack") {
  const Settings settings;
  const auto x = drawn(784, 128, 1), weight = drawn(768, 128, 2), dy = drawn(784, 768, 3);
  for (const auto library : {ProductLibrary::mkl, ProductLibrary::onednn})
    for (const int threads : {1, 2}) {
      use_product_library(library);
      at::set_num_threads(threads);
      const auto all_products = [&] {
        static_cast<void>(rows_by(x, weight));
        static_cast<void>(columns_by(x, weight));
        static_cast<void>(product(dy, weight));
        static_cast<void>(product(dy.t(), x));
        static_cast<void>(rows_by(x.to(at::kBFloat16), weight.to(at::kBFloat16)));
      };
      all_products();  // whose helpers take no signal from here on
      const Signals sent;
      for (int i = 0; signals < 40 || i < 60; ++i) all_products();
      INFO(kProductLibraryNames[static_cast<std::size_t>(library)] << ", threads " << threads);
      CHECK(astray == 0);
    }
}
#endif

}  // namespace lldm
