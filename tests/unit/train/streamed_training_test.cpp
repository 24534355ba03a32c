// SPDX-License-Identifier: MIT
// Training, scoring and sampling with weights that pass through two slots, whose copies are late
// and which are written over when they are given back: the same bits by every gradient path.
#include <ATen/ops/equal.h>
#include <ATen/ops/scalar_tensor.h>

#include <algorithm>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/model/determinism.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/sft.hpp"
#include "lldm/sampler/diffusion_sampler.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "lldm/train/adamw.hpp"
#include "model/kept_rows.hpp"
#include "support/catch.hpp"
#include "support/engine_world.hpp"
#include "support/late_copies.hpp"
#include "support/temporary_folder.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

[[maybe_unused]] const bool is_deterministic = (set_deterministic_environment(), true);

/// A base of five blocks in a folder, and models of it.
class Base {
 public:
  Base() {
    const TransformerConfig config{.width = 32,
                                   .layers = 5,
                                   .heads = 4,
                                   .kv_heads = 2,
                                   .mlp_width = 48,
                                   .vocabulary = 4,
                                   .logit_columns = 4,
                                   .max_length = 16};
    save_transformer(*make_transformer(config, {.head_std = 0.5}, Draws(1, "model")),
                     folder_.path());
  }
  [[nodiscard]] std::shared_ptr<Transformer> model(WeightStorage storage, bool is_streamed) const {
    LoadOptions options{.precision = {at::kFloat, storage}};
    if (is_streamed)
      options.placement = {FrozenWeights::streamed, 2, std::make_shared<LateCopies>(2),
                           /*poisons=*/true};
    return load_transformer(folder_.path(), options);
  }

 private:
  TemporaryFolder folder_;
};

/// Losses and the adapter after a few steps.
std::vector<at::Tensor> trained(const std::shared_ptr<Transformer>& policy,
                                const AnyObjective& objective, GradientPath path) {
  policy->add_adapter({.rank = 4, .alpha = 8, .dropout = 0.1}, Draws(3, "adapter"));
  policy->set_dropout(7);
  const auto answers = static_cast<std::int64_t>(objective.needs().group_size);
  const ScoreEngine<Transformer> engine(policy, clone_frozen(*policy), "cpu", EngineOptions{24});
  const ScoreBatch batch = toy_batch(toy_texts(3, static_cast<std::size_t>(answers)), answers,
                                     MonteCarloElbo({.draws = 4}));
  AdamW optimizer(policy->parameters(), {});
  std::vector<at::Tensor> list;
  for (int step = 0; step < 3; ++step) {
    const auto done =
        engine.step(batch, totals_of(batch), objective.needs(), loss_of(objective), path);
    list.push_back(at::scalar_tensor(done.loss, at::kDouble));
    (void)optimizer.step(1e-2);
  }
  for (const NamedParameter& parameter : policy->parameters())
    list.push_back(parameter.value.detach().clone());
  return list;
}

bool is_equal(const std::vector<at::Tensor>& left, const std::vector<at::Tensor>& right) {
  return std::ranges::equal(left, right,
                            [](const auto& a, const auto& b) { return at::equal(a, b); });
}

}  // namespace

TEST_CASE("streamed weights and offloaded inputs: every gradient path trains the same bits",
          "[train][memory]") {
  const Base base;
  const AnyObjective pairs(Dpo({.beta = 0.5})), texts(Sft({}));
  for (const auto storage : {WeightStorage::plain, WeightStorage::nf4})
    for (const auto& [path, objective] :
         {std::pair<GradientPath, const AnyObjective*>{GradientPath::linear, &texts},
          {GradientPath::retain, &pairs},
          {GradientPath::replay, &pairs},
          {GradientPath::pairwise, &pairs}}) {
      INFO(to_string(path) << ", storage " << static_cast<int>(storage));
      const auto wanted = trained(base.model(storage, false), *objective, path);
      for (const auto recomputation : {Recomputation::none, Recomputation::selective,
                                       Recomputation::full, Recomputation::offload}) {
        const auto model = base.model(storage, true);
        model->set_recomputation(recomputation);
        if (recomputation == Recomputation::offload)
          model->set_kept_rows(
              std::make_shared<KeptRows>(at::kCPU, std::make_shared<LateCopies>(KeptRows::kSlots)));
        CHECK(is_equal(trained(model, *objective, path), wanted));
      }
    }
}

TEST_CASE("streamed weights: texts that are sampled are the same", "[train][memory]") {
  const Base base;
  std::vector<SampleRequest> requests(3);
  for (std::size_t r = 0; r < requests.size(); ++r)
    requests[r].row = r, requests[r].prompt.assign(r + 1, 1);
  const auto sampled = [&](const Transformer& model) {
    const SamplerSettings settings{
        .response_length = 8, .block_length = 4, .steps = 4, .temperature = 0.8, .batch_size = 2};
    return DiffusionSampler<Transformer>(
               make_sampler_parts("test", settings, {.mask = 3, .end_of_text = 2, .end_of_turn = 2},
                                  AnyCommitRule(LowConfidence())))
        .sample(model, requests, PhiloxNoise(Draws(3, "sample")));
  };
  const auto wanted = sampled(*base.model(WeightStorage::plain, false)),
             found = sampled(*base.model(WeightStorage::plain, true));
  REQUIRE(wanted.size() == found.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(wanted[i].tokens == found[i].tokens);
}
