// SPDX-License-Identifier: MIT
// Gradients that are added where they lie are autograd's, and never exist whole beside the sums.
#include "model/direct_gradients.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <optional>

#include "lldm/memory/manager.hpp"
#include "support/catch.hpp"
#include "support/one_thread.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

at::Tensor loss_of(const Transformer& model, const PackedTokens& batch) {
  return weighted(model.log_probabilities(model.hidden(batch), batch.tokens));
}

/// Gradients after two packs, in sums that hold zeros at first.
std::vector<at::Tensor> after_two(const Transformer& model, const std::vector<PackedTokens>& packs,
                                  bool is_direct) {
  for (const auto& p : model.parameters())
    at::Tensor(p.value).mutable_grad() = at::zeros_like(p.value.detach());
  for (const PackedTokens& pack : packs) {
    at::Tensor loss;
    {
      std::optional<DirectGradients> direct;
      if (is_direct) direct.emplace();
      loss = loss_of(model, pack);
    }
    loss.backward();
  }
  std::vector<at::Tensor> list;
  for (const auto& p : model.parameters()) list.push_back(p.value.grad());
  return list;
}

}  // namespace

TEST_CASE("direct gradients: the bits of autograd's sums, for every family and recomputation",
          "[model][gradients]") {
  for (const auto& family : family_names())
    for (const auto recomputation : {Recomputation::none, Recomputation::full}) {
      INFO(family);
      const auto model = family_model(family, at::kFloat);
      model->set_recomputation(recomputation);
      const std::vector<PackedTokens> packs{random_batch(model->config(), {9, 20, 3}),
                                            random_batch(model->config(), {40})};
      const auto wanted = after_two(*model, packs, false), got = after_two(*model, packs, true);
      for (std::size_t i = 0; i < got.size(); ++i) {
        INFO(model->parameters()[i].name);
        CHECK(at::equal(got[i], wanted[i]));
      }
      adapt(*model);
      const auto wanted_updates = after_two(*model, packs, false),
                 updates = after_two(*model, packs, true);
      REQUIRE(updates.size() > 0);
      for (std::size_t i = 0; i < updates.size(); ++i)
        CHECK(at::equal(updates[i], wanted_updates[i]));
    }
}

TEST_CASE("direct gradients: a tied head and bfloat16 weights have their sums too",
          "[model][gradients]") {
  auto config = small_config();
  config.tied_head = true, config.logit_columns = config.vocabulary;
  for (const WeightStorage storage : {WeightStorage::plain, WeightStorage::bfloat16}) {
    const auto model =
        make_transformer(config, {.head_std = 0.5}, Draws(3, "test"), {at::kFloat, storage});
    const std::vector<PackedTokens> packs{random_batch(config, {9, 20, 3}),
                                          random_batch(config, {40})};
    const auto wanted = after_two(*model, packs, false), got = after_two(*model, packs, true);
    for (std::size_t i = 0; i < got.size(); ++i) {
      INFO(model->parameters()[i].name);
      CHECK(got[i].scalar_type() == wanted[i].scalar_type());
      // The order of the two parts of a tied head's sum is another; bfloat16 sums are rounded to
      // eight bits each time.
      const double last = got[i].scalar_type() == at::kBFloat16 ? 0x1p-6 : 1e-6;
      CHECK(got[i].sub(wanted[i]).norm().item<double>() <= last * wanted[i].norm().item<double>());
    }
  }
}

TEST_CASE("direct gradients: without a .grad they are handed out", "[model][gradients]") {
  const auto model = family_model("llada", at::kFloat);
  const auto batch = random_batch(model->config(), {9, 20});
  const auto wanted = gradients(*model, loss_of(*model, batch));
  const DirectGradients direct;
  const auto got = gradients(*model, loss_of(*model, batch));
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(at::equal(got[i], wanted[i]));
}

TEST_CASE("direct gradients: neither embedding nor head has a gradient of its size beside the sum",
          "[model][gradients][memory]") {
  auto config = small_config();
  config.width = 64, config.heads = config.kv_heads = 4, config.vocabulary = 200'000;
  config.logit_columns = 200'000, config.layers = 1;
  const std::int64_t table = config.vocabulary * config.width * 4;  // 51 MB
  MemoryManager memory;
  memory.install();
  const auto use = [&] { return memory.report().find(MemoryDevice::cpu)->total; };
  const auto model = make_transformer(config, {}, Draws(3, "test"));
  for (const auto& p : model->parameters())
    at::Tensor(p.value).mutable_grad() = at::zeros_like(p.value.detach());
  const auto batch = random_batch(config, {4, 3});
  const auto peak = [&](bool is_direct) {
    const auto before = use().current_bytes;
    memory.reset_peaks();
    std::optional<DirectGradients> direct;
    if (is_direct) direct.emplace();
    loss_of(*model, batch).backward();
    return use().peak_bytes - before;
  };
  const auto with = peak(true), without = peak(false);
  INFO(with << " and " << without << " of a table of " << table);
  CHECK(without > table);
  // Logits of 16 rows and their slope, and slices of 16 MiB.
  CHECK(with < 16 * 200'000 * 4 * 3 + 3 * (16 << 20));
  CHECK(with + table / 3 < without);
}
