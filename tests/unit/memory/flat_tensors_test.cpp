// SPDX-License-Identifier: MIT
#include "lldm/memory/flat_tensors.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros_like.h>

#include "support/catch.hpp"

using namespace lldm;

namespace {

std::vector<at::Tensor> shapes() {
  return {at::ones({3, 5}), at::ones({7}, at::kDouble), at::ones({2, 2}), at::ones({0, 4})};
}

}  // namespace

TEST_CASE("flat tensors have the shapes and dtypes asked for, one allocation a dtype", "[memory]") {
  const auto like = shapes();
  const auto flat = FlatTensors::zeros_like(like);
  REQUIRE(flat.size() == like.size());
  for (std::size_t i = 0; i < like.size(); ++i) {
    CHECK(at::equal(flat[i], at::zeros_like(like[i])));
    CHECK(flat[i].dtype() == like[i].dtype());
    CHECK(flat[i].is_contiguous());
    if (flat[i].numel() > 0)
      CHECK(reinterpret_cast<std::uintptr_t>(flat[i].const_data_ptr()) % 64 == 0);
  }
  CHECK(flat[0].is_alias_of(flat[2]));
  CHECK_FALSE(flat[0].is_alias_of(flat[1]));
  // 15 floats are a line of 64 bytes, rounded up.
  CHECK(flat[2].const_data_ptr<float>() - flat[0].const_data_ptr<float>() == 16);
}

TEST_CASE("flat tensors are cleared as one, and each changes alone", "[memory]") {
  const auto like = shapes();
  const auto flat = FlatTensors::zeros_like(like);
  for (std::size_t i = 0; i < like.size(); ++i) flat[i].fill_(static_cast<double>(i + 1));
  const auto version = flat[0]._version();
  flat[2].fill_(9);
  CHECK(flat[0]._version() == version);
  CHECK(at::equal(flat[0], at::full_like(like[0], 1)));
  flat.zero();
  for (std::size_t i = 0; i < like.size(); ++i) CHECK(at::equal(flat[i], at::zeros_like(like[i])));
}
