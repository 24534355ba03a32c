// SPDX-License-Identifier: MIT
// Blocks that compute parts of themselves again give the same bits and hold less.
#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>

#include "lldm/memory/manager.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/determinism.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

[[maybe_unused]] const bool is_deterministic = (set_deterministic_environment(), true);

constexpr Recomputation kAgain[] = {Recomputation::selective, Recomputation::full};

std::vector<at::Tensor> slopes_of(Transformer& model, const PackedTokens& batch,
                                  Recomputation recomputation) {
  model.set_recomputation(recomputation);
  const auto loss = weighted(model.log_probabilities(model.hidden(batch), batch.tokens));
  auto list = gradients(model, loss);
  list.push_back(loss.detach());
  return list;
}

}  // namespace

TEST_CASE("recomputation changes no bit of a gradient, for every family", "[model]") {
  for (const auto& family : family_names())
    for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16})
      for (const bool has_adapter : {false, true}) {
        INFO(family << " " << at::toString(type) << (has_adapter ? " with an adapter" : ""));
        const auto model = family_model(family, type);
        if (has_adapter) model->add_adapter({.rank = 2}, Draws(5, "adapter"));
        auto batch = random_batch(model->config(), kRagged);
        const auto kept = slopes_of(*model, batch, Recomputation::none);
        for (const auto again : kAgain) {
          const auto slopes = slopes_of(*model, batch, again);
          for (std::size_t i = 0; i < kept.size(); ++i) CHECK(at::equal(kept[i], slopes[i]));
        }
        batch.patterns.resize(kRagged.size());  // by plain operations
        const auto plain = slopes_of(*model, batch, Recomputation::none);
        const auto again = slopes_of(*model, batch, Recomputation::full);
        for (std::size_t i = 0; i < plain.size(); ++i) CHECK(at::equal(plain[i], again[i]));
      }
}

TEST_CASE("recomputation holds what it says between the passes", "[model][memory]") {
  auto config = small_config();
  config.layers = 8;
  const auto model = make(config, at::kFloat);
  const auto batch = random_batch(config, {60, 60, 60});
  MemoryManager memory;
  memory.install();
  const auto live = [&] {
    return memory.report().find(MemoryDevice::cpu)->of(MemoryPurpose::activations).current_bytes;
  };
  const auto held = [&](Recomputation recomputation) {
    model->set_recomputation(recomputation);
    const auto before = live();
    const auto rows = model->hidden(batch);
    return static_cast<double>(live() - before);
  };
  const auto all = held(Recomputation::none), selective = held(Recomputation::selective),
             full = held(Recomputation::full);
  // Of 8 blocks: 24-wide rows, 20 + 20 of gate and factor, 12 + 12 of keys and values.
  CHECK(selective < 0.6 * all);
  CHECK(full < 0.25 * all);
}

TEST_CASE("a weight that was changed between forward and backward is told", "[model]") {
  for (const auto recomputation : {Recomputation::none, Recomputation::full}) {
    const auto model = make(small_config());
    model->set_recomputation(recomputation);
    const auto batch = random_batch(model->config(), {9});
    const auto loss = weighted(model->log_probabilities(model->hidden(batch), batch.tokens));
    {
      const c10::NoGradGuard guard;
      at::Tensor(model->parameters()[2].value).add_(1);
    }
    CHECK_THROWS_WITH(loss.backward(), contains("was changed between forward and backward"));
  }
}
