// SPDX-License-Identifier: MIT
// Preference tuning by an adapter, for a small model of every family.
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/model/adapter_folder.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/train/adamw.hpp"
#include "support/catch.hpp"
#include "support/engine_world.hpp"
#include "support/temporary_folder.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

std::shared_ptr<Transformer> small(const std::string& family, const Precision& precision) {
  TransformerConfig config = family_defaults(family);
  config.width = 32, config.layers = 2, config.heads = 4, config.kv_heads = 2,
  config.mlp_width = 48, config.vocabulary = config.logit_columns = 4, config.max_length = 16;
  const auto model = make_transformer(config, {.head_std = 0.5}, Draws(1, "model"));
  if (precision.storage == WeightStorage::plain && precision.compute == at::kFloat) return model;
  const TemporaryFolder folder;
  save_transformer(*model, folder.path());
  return load_transformer(folder.path(), precision);
}

struct Policy {
  std::string family;
  Precision precision;
};

/// Every family in float32, and one in every storage and with products of bfloat16.
std::vector<Policy> policies() {
  std::vector<Policy> list;
  for (const auto& family : family_names()) list.push_back({family, {}});
  for (const auto storage : {WeightStorage::bfloat16, WeightStorage::int8, WeightStorage::nf4})
    for (const auto compute : {at::kFloat, at::kBFloat16})
      list.push_back({"qwen2", {compute, storage}});
  return list;
}

std::vector<at::Tensor> copies(const std::vector<NamedParameter>& parameters) {
  std::vector<at::Tensor> list;
  for (const auto& parameter : parameters) list.push_back(parameter.value.detach().clone());
  return list;
}

}  // namespace

TEST_CASE("an adapter lowers the preference loss of fixed draws, and its base stays",
          "[train][adapter]") {
  for (const auto& [family, precision] : policies()) {
    INFO(family << ", storage " << static_cast<int>(precision.storage) << ", "
                << at::toString(precision.compute));
    const auto policy = small(family, precision);
    policy->set_recomputation(Recomputation::selective);
    const auto base = copies(policy->parameters());
    policy->add_adapter({.rank = 4, .alpha = 8}, Draws(3, "adapter"));
    const ScoreEngine<Transformer> engine(policy, clone_frozen(*policy));
    const AnyObjective objective(Dpo({.beta = 0.5}));
    const ScoreBatch batch = toy_batch(toy_texts(3, 2), 2, MonteCarloElbo({.draws = 4}));
    AdamW optimizer(policy->parameters(), {.weight_decay = 0});
    double first = 0, last = 0;
    for (int step = 0; step < 40; ++step) {
      last = engine
                 .step(batch, totals_of(batch), objective.needs(), loss_of(objective),
                       GradientPath::replay)
                 .loss;
      if (step == 0) first = last;
      optimizer.step(1e-2);
    }
    INFO("from " << first << " to " << last);
    CHECK(first == std::log(2.0));
    CHECK(last < 0.8 * first);
    const auto after = policy->base_parameters();
    for (std::size_t i = 0; i < base.size(); ++i) CHECK(at::equal(base[i], after[i].value));

    const TemporaryFolder folder;
    policy->save(folder.path());
    PackedTokens batch_of_one;
    batch_of_one.tokens = at::tensor({0, 3, 1, 2}, at::kLong);
    batch_of_one.offsets = {0, 4};
    const auto again = policy->without_adapter();
    again->set_adapter(load_adapter(folder.path() / "adapter"), "again");
    CHECK(at::equal(again->hidden(batch_of_one).detach(), policy->hidden(batch_of_one).detach()));
    CHECK(at::equal(load_transformer(folder.path(), precision.compute)->hidden(batch_of_one),
                    merged(*policy)->hidden(batch_of_one)));
  }
}

TEST_CASE("every gradient path sees the same dropout", "[train][adapter]") {
  const auto policy = small("qwen2", {});
  policy->add_adapter({.rank = 4, .alpha = 8, .dropout = 0.3}, Draws(3, "adapter"));
  {
    const c10::NoGradGuard guard;
    for (const auto& update : policy->adapter()) at::Tensor(update.b).fill_(0.05);
  }
  const ScoreEngine<Transformer> engine(policy, clone_frozen(*policy));
  const AnyObjective objective(Dpo({.beta = 0.5}));
  const ScoreBatch batch = toy_batch(toy_texts(3, 2), 2, MonteCarloElbo({.draws = 4}));
  const auto slopes = [&](GradientPath path, std::uint64_t key) {
    policy->set_dropout(key);
    for (const auto& parameter : policy->parameters())
      at::Tensor(parameter.value).mutable_grad() = at::Tensor();
    static_cast<void>(
        engine.step(batch, totals_of(batch), objective.needs(), loss_of(objective), path));
    std::vector<at::Tensor> list;
    for (const auto& parameter : policy->parameters()) list.push_back(parameter.value.grad());
    return list;
  };
  const auto kept = slopes(GradientPath::retain, 5), other = slopes(GradientPath::retain, 6);
  const auto apart = [&](const std::vector<at::Tensor>& list) {
    double worst = 0;
    for (std::size_t i = 0; i < list.size(); ++i)
      worst = std::max(worst, list[i].sub(kept[i]).abs().max().item<double>() /
                                  kept[i].abs().max().item<double>());
    return worst;
  };
  CHECK(apart(slopes(GradientPath::replay, 5)) < 1e-4);
  CHECK(apart(slopes(GradientPath::pairwise, 5)) < 1e-4);
  CHECK(apart(other) > 1e-2);
}
