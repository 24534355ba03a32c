// SPDX-License-Identifier: MIT
// The laws of concepts/denoiser.hpp, on concrete and erased denoisers.
#include <ATen/ops/arange.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <set>

#include "lldm/concepts/any_denoiser.hpp"
#include "lldm/model/transformer.hpp"
#include "support/catch.hpp"
#include "support/table_denoiser.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

struct Table {
  static TableDenoiser make() { return TableDenoiser(ToyTable(3, 5, 4)); }
};
struct ErasedTable {
  static AnyDenoiser make() { return AnyDenoiser(std::make_shared<TableDenoiser>(Table::make())); }
};

std::shared_ptr<Transformer> tiny_transformer(const char* family) {
  TransformerConfig config = family_defaults(family);
  config.width = 32, config.layers = 2, config.heads = 4, config.kv_heads = 2,
  config.mlp_width = 48, config.vocabulary = 4, config.logit_columns = 6, config.max_length = 16;
  auto model = make_transformer(config, {.head_std = 0.5}, Draws(1, "model"));
  model->set_trainable(true);
  return model;
}
struct Llada {
  static Transformer make() { return std::move(*tiny_transformer("llada")); }
};
struct ErasedLlada {
  static AnyDenoiser make() { return AnyDenoiser(tiny_transformer("llada")); }
};
struct Smdm {
  static Transformer make() { return std::move(*tiny_transformer("smdm")); }
};
struct Dream {
  static Transformer make() { return std::move(*tiny_transformer("dream")); }
};
struct Qwen3 {
  static Transformer make() { return std::move(*tiny_transformer("qwen3")); }
};

PackedTokens pack(const std::vector<std::vector<std::int64_t>>& sequences) {
  PackedTokens packed;
  std::vector<std::int64_t> tokens;
  packed.offsets.push_back(0);
  for (const auto& sequence : sequences) {
    tokens.insert(tokens.end(), sequence.begin(), sequence.end());
    packed.offsets.push_back(static_cast<std::int64_t>(tokens.size()));
  }
  packed.tokens = at::tensor(tokens, at::kLong);
  return packed;
}

const std::vector<std::vector<std::int64_t>> kSequences{{0, 3, 1}, {2, 2, 3, 3}, {1, 0}};

}  // namespace

TEMPLATE_TEST_CASE("Denoiser: one hidden row for every packed token", "[conformance][denoiser]",
                   Table, ErasedTable, Llada, ErasedLlada, Smdm, Dream, Qwen3) {
  const auto denoiser = TestType::make();
  const at::Tensor hidden = denoiser.hidden(pack(kSequences));
  REQUIRE(hidden.dim() == 2);
  CHECK(hidden.size(0) == 9);
  CHECK(denoiser.logits(hidden).size(1) == denoiser.vocabulary_size());
}

TEMPLATE_TEST_CASE("Denoiser: log_probabilities is log softmax of the logits at the target",
                   "[conformance][denoiser]", Table, ErasedTable, Llada, ErasedLlada, Smdm, Dream,
                   Qwen3) {
  const auto denoiser = TestType::make();
  const at::Tensor rows = denoiser.hidden(pack(kSequences));
  // An id that is never predicted (SMDM's mask) is no target; it lies behind the others.
  const auto finite = denoiser.logits(rows.narrow(0, 0, 1)).isfinite();
  const auto num_targets = finite.sum().template item<std::int64_t>();
  REQUIRE(finite.narrow(1, 0, num_targets).all().template item<bool>());
  const at::Tensor targets = at::arange(9, at::kLong).remainder(num_targets);
  const at::Tensor expected =
      at::log_softmax(denoiser.logits(rows).to(at::kDouble), 1).gather(1, targets.unsqueeze(1));
  const at::Tensor got = denoiser.log_probabilities(rows, targets);
  REQUIRE(got.dim() == 1);
  CHECK((got.to(at::kDouble) - expected.squeeze(1)).abs().max().template item<double>() <= 1e-6);
  double total = 0;  // over all targets of one row
  for (std::int64_t v = 0; v < num_targets; ++v)
    total += denoiser.log_probabilities(rows.narrow(0, 0, 1), at::tensor({v}, at::kLong))
                 .exp()
                 .template item<double>();
  CHECK(total == Approx(1.0).epsilon(1e-6));
}

TEMPLATE_TEST_CASE("Denoiser: a token's row depends on its own sequence alone",
                   "[conformance][denoiser]", Table, ErasedTable, Llada, ErasedLlada, Smdm, Dream,
                   Qwen3) {
  const auto denoiser = TestType::make();
  const at::Tensor together = denoiser.hidden(pack(kSequences));
  std::int64_t begin = 0;
  for (const auto& sequence : kSequences) {
    const at::Tensor alone = denoiser.hidden(pack({sequence}));
    CHECK((alone - together.narrow(0, begin, alone.size(0))).abs().max().template item<double>() <=
          1e-5);
    begin += alone.size(0);
  }
  auto changed = kSequences;
  changed[0][2] = 0;  // an own token may change the row, a neighbour's must not
  const at::Tensor after = denoiser.hidden(pack(changed));
  CHECK((after.narrow(0, 3, 6) - together.narrow(0, 3, 6)).abs().max().template item<double>() <=
        1e-5);
  CHECK((after.narrow(0, 0, 3) - together.narrow(0, 0, 3)).abs().max().template item<double>() >
        1e-3);
}

TEMPLATE_TEST_CASE("Denoiser: gradients reach the named parameters when grad mode is on",
                   "[conformance][denoiser]", Table, ErasedTable, Llada, ErasedLlada, Smdm, Dream,
                   Qwen3) {
  const auto denoiser = TestType::make();
  const auto parameters = denoiser.parameters();
  std::set<std::string> names;
  for (const NamedParameter& parameter : parameters) {
    CHECK(parameter.value.is_leaf());
    names.insert(parameter.name);
  }
  CHECK(names.size() == parameters.size());
  const auto evaluate = [&] {
    const at::Tensor rows = denoiser.hidden(pack(kSequences));
    return denoiser.log_probabilities(rows, at::zeros_like(at::arange(9, at::kLong)));
  };
  {
    const c10::NoGradGuard no_grad;
    CHECK(!evaluate().requires_grad());
  }
  const at::Tensor values = evaluate();
  REQUIRE(values.requires_grad());
  torch::autograd::backward({values}, {at::ones_like(values)});
  for (const NamedParameter& parameter : parameters) {
    INFO(parameter.name);
    REQUIRE(parameter.value.grad().defined());
    CHECK(parameter.value.grad().abs().max().template item<double>() > 0.0);
  }
}
