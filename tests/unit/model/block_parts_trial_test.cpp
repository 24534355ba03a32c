// SPDX-License-Identifier: MIT
// The trial by which a GPU's fused parts are taken or left, with tables that are right and wrong in
// known ways.
#include "model/block_parts_trial.hpp"

#include <ATen/TensorOperators.h>

#include <cstdlib>
#include <limits>

#include "lldm/errors.hpp"
#include "model/device_parts.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TrialFindings tried(const BlockParts& parts) { return try_block_parts(parts, at::kCPU); }

/// Attention as a GPU's in 16 bits: of rounded queries, keys and values, rounded.
at::Tensor rounded(const at::Tensor& x, const BlockContext& context) {
  return x.to(context.compute).to(x.scalar_type());
}
Attended attend_rounded(const at::Tensor& qkv, const BlockContext& context, bool is_interleaved) {
  const auto out = operation_block_parts().attend(rounded(qkv, context), context, is_interleaved);
  return {rounded(out.columns, context), out.log_sums};
}
at::Tensor attend_gradient_rounded(const at::Tensor& qkv, const BlockContext& context,
                                   bool is_interleaved, const Attended& attended,
                                   const at::Tensor& upstream) {
  return rounded(
      operation_block_parts().attend_gradient(rounded(qkv, context), context, is_interleaved,
                                              attended, rounded(upstream, context)),
      context);
}

}  // namespace

TEST_CASE("tables that are right pass their trial", "[model][block_parts]") {
  for (const BlockParts* parts : {&operation_block_parts(), &cpu_block_parts()}) {
    const TrialFindings wrong = tried(*parts);
    CHECK(wrong.norm == "");
    CHECK(wrong.swiglu == "");
    CHECK(wrong.attention == "");
  }
  BlockParts narrow = operation_block_parts();
  narrow.attend = attend_rounded, narrow.attend_gradient = attend_gradient_rounded;
  CHECK(tried(narrow).attention == "");
  CHECK(trusted_block_parts(narrow, at::kCPU).text == kFusedText);
}

TEST_CASE("a wrong part is left to operations, the others are taken", "[model][block_parts]") {
  BlockParts parts = operation_block_parts();
  // A thousandth of the weight's gradient: no forward pass shows it.
  parts.norm_gradient = [](const at::Tensor& x, const at::Tensor& weight, const at::Tensor& scale,
                           const at::Tensor& dy, const at::Tensor& residual) {
    auto right = operation_block_parts().norm_gradient(x, weight, scale, dy, residual);
    right.weight = right.weight * 1.001;
    return right;
  };
  parts.swiglu = [](const at::Tensor& gate_up) { return operation_block_parts().swiglu(gate_up); };
  const TrustedParts taken = trusted_block_parts(parts, at::kCPU);
  CHECK(has(taken.text, "by operations: norm, gradient of the weight: off by"));
  CHECK(taken.parts.norm_gradient == operation_block_parts().norm_gradient);
  CHECK(taken.parts.swiglu == parts.swiglu);
}

TEST_CASE("numbers that are none, other shapes and errors of a part are wrong",
          "[model][block_parts]") {
  BlockParts parts = operation_block_parts();
  parts.swiglu = [](const at::Tensor& gate_up) {
    return operation_block_parts().swiglu(gate_up) * std::numeric_limits<double>::quiet_NaN();
  };
  parts.norm = [](const at::Tensor& x, const at::Tensor& weight, double eps) {
    const auto right = operation_block_parts().norm(x, weight, eps);
    return Normed{right.rows, right.scale.unsqueeze(1)};
  };
  parts.attend = [](const at::Tensor&, const BlockContext&, bool) -> Attended {
    throw Error("no kernel for this card\nand where");
  };
  const TrialFindings wrong = tried(parts);
  CHECK(has(wrong.swiglu, "product: off by"));
  CHECK(has(wrong.norm, "norm, scale"));
  CHECK(has(wrong.attention, "no kernel for this card"));
  CHECK_FALSE(has(wrong.attention, "and where"));
}

TEST_CASE("attention that is wrong in one order of projections or for grouped keys is wrong",
          "[model][block_parts]") {
  BlockParts parts = operation_block_parts();
  parts.attend = [](const at::Tensor& qkv, const BlockContext& context, bool) {
    return operation_block_parts().attend(qkv, context, false);
  };
  CHECK(has(tried(parts).attention, "interleaved, output: off by"));
  parts = operation_block_parts();
  parts.attend_gradient = [](const at::Tensor& qkv, const BlockContext& context, bool turned,
                             const Attended& attended, const at::Tensor& upstream) {
    auto slopes =
        operation_block_parts().attend_gradient(qkv, context, turned, attended, upstream).clone();
    if (context.compute == at::kBFloat16) slopes.narrow(0, 0, 64).mul_(0.5);
    return slopes;
  };
  CHECK(has(tried(parts).attention, "in BFloat16"));
}

TEST_CASE("a device that is full is no wrong part", "[model][block_parts]") {
  BlockParts parts = operation_block_parts();
  parts.swiglu = [](const at::Tensor&) -> at::Tensor { throw OutOfMemory("full"); };
  CHECK_THROWS_AS(tried(parts), OutOfMemory);
}

TEST_CASE("LLDM_BLOCK_PARTS has two names", "[model][block_parts]") {
  ::setenv("LLDM_BLOCK_PARTS", "operations", 1);
  CHECK_FALSE(may_take_fused_parts());
  CHECK(has_untrusted_parts());
  ::setenv("LLDM_BLOCK_PARTS", "flash", 1);
  CHECK_THROWS_AS(may_take_fused_parts(), ConfigError);
  ::unsetenv("LLDM_BLOCK_PARTS");
  CHECK(may_take_fused_parts());
  CHECK_FALSE(has_untrusted_parts());
}
