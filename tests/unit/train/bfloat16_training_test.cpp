// SPDX-License-Identifier: MIT
// All weights of a small transformer trained in bfloat16, against the same run in float32.
#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/storage/published_folder.hpp"
#include "lldm/train/checkpoint.hpp"
#include "lldm/train/train_options.hpp"
#include "support/catch.hpp"
#include "support/engine_world.hpp"
#include "support/temporary_folder.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

std::shared_ptr<Transformer> small(const Precision& precision) {
  TransformerConfig config = family_defaults("qwen2");
  config.width = 64, config.layers = 2, config.heads = 4, config.kv_heads = 2,
  config.mlp_width = 96, config.vocabulary = config.logit_columns = 4, config.max_length = 16;
  return make_transformer(config, {.head_std = 0.5}, Draws(1, "model"), precision);
}

/// Preference tuning on fixed draws.
struct Run {
  std::shared_ptr<Transformer> policy;
  OptimizerOptions options;
  std::unique_ptr<Optimizer> optimizer;
  std::unique_ptr<ScoreEngine<Transformer>> engine;
  AnyObjective objective{Dpo({.beta = 0.5})};
  ScoreBatch batch = toy_batch(toy_texts(3, 2), 2, MonteCarloElbo({.draws = 4}));

  Run(const Precision& precision, const OptimizerOptions& given)
      : policy(small(precision)), options(given) {
    engine = std::make_unique<ScoreEngine<Transformer>>(policy, clone_frozen(*policy));
    optimizer = make_optimizer(policy->parameters(), options, Draws(7, "x"));
  }
  double step(double rate = 2e-3) const {
    const double loss = engine
                            ->step(batch, totals_of(batch), objective.needs(), loss_of(objective),
                                   GradientPath::pairwise)
                            .loss;
    (void)optimizer->step(rate);
    return loss;
  }
  [[nodiscard]] std::vector<at::Tensor> weights() const {
    std::vector<at::Tensor> list;
    for (const auto& parameter : policy->parameters())
      list.push_back(parameter.value.detach().clone());
    return list;
  }
};

Precision narrow_of(at::ScalarType compute) { return {compute, WeightStorage::bfloat16}; }

}  // namespace

TEST_CASE("bfloat16 weights: the loss follows that of float32 weights", "[train][bfloat16]") {
  OptimizerOptions host{};
  host.resident = OptimizerResidence::host;
  for (const char* type : {"adamw", "adamw_8bit", "adafactor", "host"}) {
    OptimizerOptions options = std::string_view(type) == "host" ? host : OptimizerOptions{};
    if (std::string_view(type) != "host") options.type = type;
    for (const auto compute : {at::kFloat, at::kBFloat16}) {
      const Run wanted({}, options), narrow(narrow_of(compute), options);
      INFO(type << ", products in " << at::toString(compute));
      double worst = 0, first = 0, last = 0;
      for (int step = 0; step < 30; ++step) {
        const double in_float32 = wanted.step(), loss = narrow.step();
        worst = std::max(worst, std::abs(loss - in_float32));
        if (step == 0) first = loss;
        last = loss;
      }
      INFO("from " << first << " to " << last << ", at most " << worst << " apart");
      CHECK(last < 0.01 * first);
      CHECK(worst < 0.005 * first);
    }
  }
}

TEST_CASE(
    "bfloat16 weights: nearest loses updates below the last bit, stochastic and the host's "
    "copies do not",
    "[train][bfloat16]") {
  const auto moved = [](const std::string& rounding, double rate) {
    OptimizerOptions options;
    options.weight_decay = 0;
    if (rounding == "host") options.resident = OptimizerResidence::host;
    if (rounding == "nearest") options.rounding = RoundingMode::nearest;
    const bool is_wide = rounding == "float32";
    const Run run(is_wide ? Precision() : narrow_of(at::kFloat), options);
    const auto before = run.weights();
    double last = 0;
    for (int step = 0; step < 60; ++step) last = run.step(rate);
    const auto after = run.weights();
    double changed = 0, all = 0;
    for (std::size_t i = 0; i < after.size(); ++i)
      if (after[i].dim() == 2) {
        changed += after[i].ne(before[i]).sum().item<double>();
        all += static_cast<double>(after[i].numel());
      }
    return std::pair{last, changed / all};
  };
  // A weight is about 0.1, its last bit 5e-4; a step moves it by 5e-5.
  constexpr double kRate = 5e-5;
  const auto [wide_loss, wide_share] = moved("float32", kRate);
  const auto [lost, lost_share] = moved("nearest", kRate);
  const auto [loss, share] = moved("stochastic", kRate);
  const auto [host_loss, host_share] = moved("host", kRate);
  INFO("losses: float32 " << wide_loss << ", nearest " << lost << ", stochastic " << loss
                          << ", host " << host_loss << "; shares that moved " << lost_share << ", "
                          << share << ", " << host_share);
  CHECK(wide_loss < 0.01 * std::log(2.0));
  CHECK(std::abs(loss - wide_loss) < 0.25 * wide_loss);
  CHECK(std::abs(host_loss - wide_loss) < 0.25 * wide_loss);
  CHECK(lost > 50 * wide_loss);
  CHECK(lost_share < 0.2);
  CHECK(share > 0.8);
}

TEST_CASE("bfloat16 weights: a checkpoint is gone on from with the same bits",
          "[train][bfloat16]") {
  OptimizerOptions host{};
  host.resident = OptimizerResidence::host;
  for (const char* type : {"adamw", "adamw_8bit", "adafactor", "host"}) {
    INFO(type);
    OptimizerOptions options = std::string_view(type) == "host" ? host : OptimizerOptions{};
    if (std::string_view(type) != "host") options.type = type;
    const Run whole(narrow_of(at::kBFloat16), options), resumed(narrow_of(at::kBFloat16), options);
    for (int step = 0; step < 5; ++step) (void)whole.step();
    const TemporaryFolder folder;
    save_checkpoint(folder.path(),
                    {.step = 5,
                     .identity = "work",
                     .tokenizer = "words",
                     .optimizer = std::string(whole.optimizer->name())},
                    whole.policy->parameters(), *whole.optimizer, 5);
    (void)load_checkpoint(folder.path() / step_name(5), "work", "words",
                          resumed.policy->parameters(), *resumed.optimizer);
    for (int step = 0; step < 5; ++step) CHECK(whole.step() == resumed.step());
    const auto wanted = whole.weights(), got = resumed.weights();
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(at::equal(got[i], wanted[i]));
  }
}
