// SPDX-License-Identifier: MIT
// Bytes that bitsandbytes made of recorded matrices.
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "lldm/model/matrix.hpp"
#include "lldm/model/safetensors.hpp"
#include "model/quantized/dynamic_map.hpp"
#include "model/quantized/int8.hpp"
#include "model/quantized/nf4.hpp"
#include "support/catch.hpp"
#include "support/golden.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

double distance(const at::Tensor& a, const at::Tensor& b) {
  return a.to(at::kDouble).sub(b.to(at::kDouble)).abs().max().item<double>();
}

/// Numbers that were given another code than the recorded one, and are not halfway between the two
/// (within 1e-6).
std::int64_t num_wrong(const at::Tensor& numbers, const at::Tensor& got,
                       const at::Tensor& expected) {
  const auto x = numbers.reshape({-1}).to(at::kDouble);
  const auto mine = got.reshape({-1}).to(at::kDouble),
             other = expected.reshape({-1}).to(at::kDouble);
  const auto gap = x.sub(mine).abs().sub(x.sub(other).abs()).abs();
  return mine.ne(other).logical_and(gap.gt(x.abs().mul(2e-6))).sum().item<std::int64_t>();
}

/// Of the recorded set in this project every byte is ours too; another set may hold numbers that
/// are halfway between two codes.
std::int64_t allowed(std::int64_t of_another_set) {
  return std::getenv("LLDM_GOLDEN") ? of_another_set : 0;
}

struct Case {
  const TensorMap& tensors;
  std::string name;
  const at::Tensor& operator[](const std::string& what) const {
    return tensors.at(name + "." + what);
  }
};

void check_nf4(const Case& recorded) {
  const auto weight = recorded["weight"].contiguous();
  auto bytes = at::empty_like(recorded["nf4.bytes"]);
  auto absmax = at::empty_like(recorded["nf4.absmax"]);
  nf4_encode(weight, bytes.mutable_data_ptr<std::uint8_t>(), absmax.mutable_data_ptr<float>());
  CHECK(at::equal(absmax, recorded["nf4.absmax"]));
  auto numbers = at::empty_like(weight);
  nf4_decode(bytes.const_data_ptr<std::uint8_t>(), absmax.const_data_ptr<float>(), 0,
             weight.numel(), numbers.mutable_data_ptr<float>());
  CHECK(num_wrong(weight, numbers, recorded["nf4.dequantised"]) == 0);
  const std::int64_t different = bytes.ne(recorded["nf4.bytes"]).sum().item<std::int64_t>();
  CHECK(different <= allowed(weight.numel() / 1000));  // numbers halfway between two codes
  if (different == 0) CHECK(distance(numbers, recorded["nf4.dequantised"]) <= 1e-6);

  auto codes = at::empty_like(recorded["nf4_double.absmax"]);
  auto nested = at::empty({1 + recorded["nf4_double.nested_absmax"].numel()}, at::kFloat);
  nf4_encode_absmax(absmax, codes.mutable_data_ptr<std::uint8_t>(),
                    nested.mutable_data_ptr<float>());
  // The mean that is taken off may differ in its last bit, and a code by one with it.
  const auto gap = codes.to(at::kInt).sub(recorded["nf4_double.absmax"].to(at::kInt)).abs();
  CHECK(gap.max().item<int>() <= 1);
  CHECK(gap.sum().item<int>() <= allowed(codes.numel() / 200));
  CHECK(distance(nested.narrow(0, 0, 1), recorded["nf4_double.offset"].reshape({1})) <= 1e-6);
  CHECK(distance(nested.narrow(0, 1, nested.size(0) - 1), recorded["nf4_double.nested_absmax"]) <=
        1e-6);
  CHECK(at::equal(recorded["nf4_double.bytes"], recorded["nf4.bytes"]));

  const auto matrix =
      Matrix::zeros(weight.size(0), weight.size(1), WeightStorage::nf4, at::kFloat, at::kCPU);
  matrix.assign(weight);
  if (different == 0 && gap.sum().item<int>() == 0)
    CHECK(distance(matrix.dequantized(at::kFloat), recorded["nf4_double.dequantised"]) <= 1e-6);
  // Any rows of it are those rows of the whole, also where blocks begin inside a row.
  for (std::int64_t begin = 0; begin < weight.size(0); begin += 3) {
    const std::int64_t count = std::min<std::int64_t>(3, weight.size(0) - begin);
    CHECK(at::equal(matrix.dequantized(begin, count, at::kFloat),
                    matrix.dequantized(at::kFloat).narrow(0, begin, count)));
  }
}

void check_int8(const Case& recorded) {
  const auto weight = recorded["weight"];
  const auto matrix =
      Matrix::zeros(weight.size(0), weight.size(1), WeightStorage::int8, at::kFloat, at::kCPU);
  matrix.assign(weight);
  const auto parts = matrix.parts();
  CHECK(at::equal(parts[1].second, recorded["int8.row_absmax"]));
  const auto step = recorded["int8.row_absmax"].unsqueeze(1) / 127;
  const auto numbers = matrix.dequantized(at::kFloat);
  CHECK(distance(numbers, parts[0].second.to(at::kFloat) * step) <= 1e-6);
  CHECK(num_wrong(weight.to(at::kHalf), numbers, recorded["int8.values"].to(at::kFloat) * step) ==
        0);
  CHECK(parts[0].second.ne(recorded["int8.values"]).sum().item<std::int64_t>() <=
        allowed(weight.numel() / 1000));
}

void check_dynamic(const Case& recorded) {
  const auto weight = recorded["weight"].contiguous();
  const auto flat = weight.reshape({-1});
  const auto bytes = recorded["dynamic8.bytes"].reshape({-1});
  std::int64_t different = 0;
  for (std::int64_t begin = 0; begin < flat.size(0); begin += kDynamicBlock) {
    const auto block = flat.narrow(0, begin, std::min(kDynamicBlock, flat.size(0) - begin));
    const float largest = block.abs().max().item<float>();
    CHECK(largest == recorded["dynamic8.absmax"][begin / kDynamicBlock].item<float>());
    for (std::int64_t i = 0; i < block.size(0); ++i)
      different +=
          dynamic_code(block[i].item<float>() / largest) != bytes[begin + i].item<std::uint8_t>();
  }
  CHECK(different == 0);
}

}  // namespace

// promise 23
TEST_CASE("every matrix of golden/quantised gives bitsandbytes' bytes", "[golden][model]") {
  const auto root = golden_root() / "quantised";
  const auto tensors = load_safetensors(root / "quantised.safetensors");
  for (const bool is_signed : {true, false}) {
    const auto& map = tensors.at(is_signed ? "dynamic_signed" : "dynamic_unsigned");
    REQUIRE(map.numel() == 256);
    CHECK(std::memcmp(map.const_data_ptr<float>(), dynamic_map(is_signed).data(), 1024) == 0);
  }
  CHECK(std::memcmp(tensors.at("nf4_code").const_data_ptr<float>(), kNf4Values.data(), 64) == 0);
  std::ifstream in(root / "cases.json");
  const auto cases = nlohmann::json::parse(in).at("cases");
  for (const auto& one : cases) {
    const Case recorded{tensors, one.at("case").get<std::string>()};
    INFO(recorded.name);
    check_nf4(recorded);
    check_int8(recorded);
    check_dynamic(recorded);
  }
  std::cout << "golden/quantised: " << cases.size() << " matrices in nf4, int8 and dynamic 8-bit\n";
  CHECK_FALSE(cases.empty());
}
