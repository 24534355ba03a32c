// SPDX-License-Identifier: MIT
// Low-rank updates beside a transformer's matrices, of every family.
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include "lldm/errors.hpp"
#include "lldm/model/adapter_folder.hpp"
#include "lldm/model/determinism.hpp"
#include "lldm/model/model_folder.hpp"
#include "model/block_dropout.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

[[maybe_unused]] const bool is_deterministic = (set_deterministic_environment(), true);

/// A model whose adapter has been trained for a while.
std::shared_ptr<Transformer> adapted(const std::string& family, at::ScalarType type = at::kDouble,
                                     const LoraOptions& options = {.rank = 3, .alpha = 4}) {
  const auto model = family_model(family, type);
  adapt(*model, options);
  return model;
}

at::Tensor loss_of(const Transformer& model, const PackedTokens& batch) {
  return weighted(model.log_probabilities(model.hidden(batch), batch.tokens));
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  return a.sub(b).abs().max().item<double>();
}

}  // namespace

TEST_CASE("an adapter's gradients are finite differences, for every family", "[model][adapter]") {
  for (const auto& family : family_names()) {
    const auto model = adapted(family);
    const auto batch = random_batch(model->config(), {1, 6, 17});
    const auto slopes = gradients(*model, loss_of(*model, batch));
    const auto parameters = model->parameters();
    CHECK(parameters.size() == 2 * model->adapter().size());
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      INFO(family << ": " << parameters[i].name);
      REQUIRE(slopes[i].defined());
      const auto direction = at::arange(1, parameters[i].value.numel() + 1, at::kDouble)
                                 .mul(0.7)
                                 .sin()
                                 .view_as(parameters[i].value);
      const c10::NoGradGuard guard;
      constexpr double kStep = 1e-5;
      const auto value = parameters[i].value.detach();
      value.add_(direction, kStep);
      const double above = loss_of(*model, batch).item<double>();
      value.add_(direction, -2 * kStep);
      const double below = loss_of(*model, batch).item<double>();
      value.add_(direction, kStep);
      const double scale = slopes[i].norm().item<double>() * direction.norm().item<double>();
      CHECK(std::abs((above - below) / (2 * kStep) -
                     slopes[i].mul(direction).sum().item<double>()) <= 1e-7 * scale + 1e-8);
      CHECK(slopes[i].abs().max().item<double>() > 0);
    }
  }
}

TEST_CASE("an adapter gives what its updates give added to the weights", "[model][adapter]") {
  for (const auto& family : family_names()) {
    INFO(family);
    const auto model = adapted(family);
    auto batch = random_batch(model->config(), {5, 5, 12});
    const auto rows = model->raw_hidden(batch);
    CHECK(distance(merged(*model)->raw_hidden(batch), rows) < 1e-12);
    CHECK(distance(model->without_adapter()->raw_hidden(batch), rows) > 1e-3);
    batch.patterns.resize(3);  // by plain operations
    CHECK(distance(model->raw_hidden(batch), rows) < 1e-12);
    // Gradients of the plain operations are the fused block's.
    const auto plain = gradients(*model, loss_of(*model, batch));
    batch.patterns.clear();
    const auto fused = gradients(*model, loss_of(*model, batch));
    for (std::size_t i = 0; i < fused.size(); ++i) CHECK(distance(plain[i], fused[i]) < 1e-10);
  }
}

TEST_CASE("dropout hides inputs of updates, by sequence and step alone", "[model][adapter]") {
  for (const auto& family : family_names()) {
    INFO(family);
    const auto model = adapted(family, at::kDouble, {.rank = 3, .alpha = 4, .dropout = 0.4});
    const auto batch = random_batch(model->config(), {5, 7, 12});
    const auto whole = model->raw_hidden(batch).detach();
    model->set_dropout(7);
    const auto rows = model->raw_hidden(batch).detach();
    CHECK(distance(rows, whole) > 1e-3);
    // The same draws wherever a sequence lies, and by plain operations; others by another key.
    PackedTokens alone;
    alone.tokens = batch.tokens.narrow(0, 5, 7);
    alone.offsets = {0, 7};
    CHECK(distance(model->raw_hidden(alone), rows.narrow(0, 5, 7)) < 1e-12);
    auto by_operations = batch;
    by_operations.patterns.resize(3);
    CHECK(distance(model->raw_hidden(by_operations), rows) < 1e-12);
    const auto fused = gradients(*model, loss_of(*model, batch)),
               plain = gradients(*model, loss_of(*model, by_operations));
    for (std::size_t i = 0; i < fused.size(); ++i) CHECK(distance(plain[i], fused[i]) < 1e-10);
    model->set_recomputation(Recomputation::full);
    const auto again = gradients(*model, loss_of(*model, batch));
    for (std::size_t i = 0; i < fused.size(); ++i) CHECK(at::equal(again[i], fused[i]));
    model->set_dropout(8);
    CHECK(distance(model->raw_hidden(batch), rows) > 1e-3);
    // The reference and the merged weights know nothing of it.
    CHECK(distance(clone_frozen(*model)->raw_hidden(batch), whole) < 1e-12);
    CHECK(distance(merged(*model)->raw_hidden(batch), whole) < 1e-12);
    model->set_dropout(std::nullopt);
    CHECK(at::equal(model->raw_hidden(batch).detach(), whole));
  }
}

TEST_CASE("a mask of dropout keeps the share and the mean it says", "[model][adapter]") {
  Lora lora{.a = at::zeros({2, 1000}, at::kFloat), .b = {}, .dropout = 0.25};
  BlockContext context{.offsets = {0, 40, 100}, .visible = {}, .cosines = {}, .sines = {}};
  CHECK_FALSE(dropout_mask(context, 0, lora, at::kFloat).defined());
  context.dropout_keys = {1, 2};
  const auto mask = dropout_mask(context, 0, lora, at::kFloat);
  const auto hidden = mask.eq(0).sum().item<double>();
  // 100,000 draws: a deviation of 137 hidden ones; five of them, an error of 6e-7.
  CHECK(std::abs(hidden - 25000) < 5 * 137);
  CHECK(distance(mask.masked_select(mask.ne(0)), at::full({1}, 4.0 / 3.0, at::kFloat)) < 1e-6);
  CHECK_FALSE(at::equal(mask, dropout_mask(context, 1, lora, at::kFloat)));
}

TEST_CASE("a fresh adapter changes no bit, and only it is trained", "[model][adapter]") {
  const auto model = adapted("qwen3", at::kFloat, {.targets = {"q_proj", "mlp.down_proj"}});
  CHECK(model->adapter().size() == 4);
  const auto fresh = model->without_adapter();
  const auto batch = random_batch(model->config(), kRagged);
  const auto before = fresh->raw_hidden(batch).detach();
  fresh->add_adapter({}, Draws(1, "t"));
  CHECK(at::equal(fresh->raw_hidden(batch).detach(), before));
  for (const auto& weight : fresh->base_parameters()) {
    INFO(weight.name);
    CHECK_FALSE(weight.value.requires_grad());
  }
  for (const auto& parameter : fresh->parameters()) CHECK(parameter.value.requires_grad());
  fresh->set_trainable(false);
  CHECK(fresh->parameters().size() ==
        fresh->base_parameters().size() + 2 * fresh->adapter().size());
  CHECK_FALSE(fresh->hidden(batch).requires_grad());
  CHECK_THROWS_WITH(fresh->add_adapter({}, Draws(1, "t")), contains("has one already"));
  CHECK_THROWS_WITH(adapted("llama", at::kFloat, {.targets = {"q_prj"}}),
                    contains("\"q_prj\" names no matrix"));
}

TEST_CASE("the reference of a model with an adapter shares its base and not its adapter",
          "[model][adapter]") {
  const auto model = adapted("dream");
  const auto reference = clone_frozen(*model);
  const auto batch = random_batch(model->config(), {9});
  const auto before = reference->raw_hidden(batch).detach();
  CHECK(at::equal(model->raw_hidden(batch).detach(), before));
  const auto mine = model->base_parameters(), theirs = reference->base_parameters();
  for (std::size_t i = 0; i < mine.size(); ++i)
    CHECK(mine[i].value.const_data_ptr() == theirs[i].value.const_data_ptr());
  {
    const c10::NoGradGuard guard;
    for (const auto& parameter : model->parameters()) at::Tensor(parameter.value).add_(0.1);
  }
  CHECK(at::equal(reference->raw_hidden(batch).detach(), before));
  CHECK(distance(model->raw_hidden(batch), before) > 1e-3);
  CHECK(model->parameters().front().value.requires_grad());
}

TEST_CASE("an adapter's folder gives back the adapter", "[model][adapter]") {
  for (const char* family : {"llada", "smdm", "qwen2"}) {
    INFO(family);
    const TemporaryFolder folder;
    const auto model = adapted(family, at::kFloat);
    model->save(folder.path());
    const auto updates = load_adapter(folder.path() / "adapter");
    REQUIRE(updates.size() == model->adapter().size());
    const auto batch = random_batch(model->config(), kRagged);
    const auto again = model->without_adapter();
    again->set_adapter(updates, "again");
    CHECK(at::equal(again->raw_hidden(batch).detach(), model->raw_hidden(batch).detach()));
    // The folder's own weights have the updates added.
    const auto sums = merged(*model), saved = load_transformer(folder.path());
    const auto want = sums->parameters(), got = saved->parameters();
    for (std::size_t i = 0; i < want.size(); ++i) {
      INFO(want[i].name);
      CHECK(at::equal(want[i].value, got[i].value));
    }
  }
  const TemporaryFolder folder;
  auto updates = adapted("llama", at::kFloat)->adapter();
  updates[1].a = at::arange(2 * updates[1].a.size(1), at::kFloat).view({2, -1});
  updates[1].b = at::arange(2 * updates[1].b.size(0), at::kFloat).view({-1, 2});
  updates[2].scale = 7;
  save_adapter(updates, folder.path());
  const auto back = load_adapter(folder.path());
  for (const auto& update : back)
    for (const auto& given : updates)
      if (given.weight == update.weight) {
        CHECK(update.scale == Approx(given.scale));
        CHECK(at::equal(update.a, given.a));
      }
}
