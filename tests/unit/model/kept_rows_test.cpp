// SPDX-License-Identifier: MIT
// Blocks' inputs on the host, with copies that are late.
#include "model/kept_rows.hpp"

#include <ATen/ops/equal.h>

#include "lldm/memory/manager.hpp"
#include "lldm/model/determinism.hpp"
#include "support/late_copies.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

[[maybe_unused]] const bool is_deterministic = (set_deterministic_environment(), true);

std::vector<at::Tensor> slopes_of(const Transformer& model, const PackedTokens& batch) {
  const auto score = [&] { return model.log_probabilities(model.hidden(batch), batch.tokens); };
  const auto loss = weighted(score()).add(weighted(score().exp()));
  auto list = gradients(model, loss);
  list.push_back(loss.detach());
  return list;
}

}  // namespace

TEST_CASE("offload: blocks' inputs on the host change no bit of a gradient, for every family",
          "[model][memory]") {
  for (const auto& family : family_names())
    for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16})
      for (const bool has_adapter : {false, true}) {
        INFO(family << " " << at::toString(type) << (has_adapter ? " with an adapter" : ""));
        TransformerConfig config = family_model(family)->config();
        config.layers = 5;
        const auto model = make(config, type);
        if (has_adapter) adapt(*model);
        const auto batch = random_batch(config, {9, 20, 5});
        model->set_recomputation(Recomputation::full);
        const auto wanted = slopes_of(*model, batch);
        model->set_recomputation(Recomputation::offload);
        const auto late = std::make_shared<LateCopies>(KeptRows::kSlots);
        model->set_kept_rows(std::make_shared<KeptRows>(at::kCPU, late));
        const auto found = slopes_of(*model, batch);
        for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(at::equal(wanted[i], found[i]));
        CHECK(late->fetched == 10);
        CHECK(late->sent == 9);  // the last block's of the last pass had not left
        CHECK(late->lost == 0);
        {
          const c10::NoGradGuard no_gradient;
          (void)model->hidden(batch);
        }
        CHECK(late->fetched == 10);  // nothing is kept of a pass without a graph
      }
}

TEST_CASE("offload: whoever does not wait for a copy is seen", "[model][memory]") {
  TransformerConfig config = small_config();
  config.layers = 5;
  const auto model = make(config, at::kFloat);
  const auto batch = random_batch(config, {30});
  model->set_recomputation(Recomputation::full);
  const auto wanted = slopes_of(*model, batch);
  model->set_recomputation(Recomputation::offload);
  model->set_kept_rows(std::make_shared<KeptRows>(
      at::kCPU, std::make_shared<LateCopies>(KeptRows::kSlots, /*arrives=*/false)));
  const auto found = slopes_of(*model, batch);
  bool is_equal = true;
  for (std::size_t i = 0; i < wanted.size(); ++i) is_equal &= at::equal(wanted[i], found[i]);
  CHECK_FALSE(is_equal);
}

TEST_CASE("offload: the device holds the inputs of two blocks, the host all", "[model][memory]") {
  auto config = small_config();
  config.layers = 8;
  const auto model = make(config, at::kFloat);
  const auto batch = random_batch(config, {60, 60, 60});
  MemoryManager memory;
  memory.install();
  const auto live = [&](MemoryPurpose purpose) {
    return memory.report().find(MemoryDevice::cpu)->of(purpose).current_bytes;
  };
  model->set_recomputation(Recomputation::offload);
  const auto device = live(MemoryPurpose::activations), host = live(MemoryPurpose::staging);
  const auto rows = model->hidden(batch);
  const std::int64_t input = 4 * 192 * config.width;  // of 180 tokens, filled up
  CHECK(live(MemoryPurpose::staging) - host == 8 * input);
  // Those of the last two, the last block's output, the final rows.
  CHECK(live(MemoryPurpose::activations) - device < 5 * input);
}
