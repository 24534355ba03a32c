// SPDX-License-Identifier: MIT
// Training with products in float16 under a loss scale, against float32.
#include "lldm/train/loss_scale.hpp"

#include <cmath>
#include <limits>

#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/objective/sft.hpp"
#include "lldm/train/checkpoint.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"
#include "support/processes.hpp"
#include "support/temporary_folder.hpp"
#include "support/train_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

constexpr GradientPath kPaths[] = {GradientPath::retain, GradientPath::replay,
                                   GradientPath::pairwise};

std::shared_ptr<Transformer> tiny(at::ScalarType compute) {
  const TransformerConfig config{.width = 32,
                                 .layers = 2,
                                 .heads = 2,
                                 .kv_heads = 2,
                                 .mlp_width = 48,
                                 .vocabulary = 8,
                                 .logit_columns = 8,
                                 .max_length = 32};
  return make_transformer(config, {.head_std = 0.5}, Draws(1, "model"), compute);
}

/// Weights in float32, products in `compute`.
struct ScaledWorld : TrainWorld {
  ScaledWorld(at::ScalarType compute, GradientPath path, std::int64_t steps) : TrainWorld(steps) {
    policy = tiny(compute);
    policy->set_trainable(true);
    setup.policy = std::make_shared<AnyDenoiser>(policy);
    setup.reference = std::make_shared<AnyDenoiser>(clone_frozen(*policy));
    setup.path = path;
    setup.rhythm.logging_steps = 1;
    if (compute == at::kHalf) setup.loss_scaling = LossScaling{};
  }
  [[nodiscard]] Trainer<MaskedProcess, MonteCarloElbo, Dpo> trainer(double beta = 0.2) const {
    return {process(), MonteCarloElbo({.draws = 4}), Dpo({.beta = beta}), setup};
  }
};

struct Heard : Recorder {
  std::vector<std::int64_t> skipped;
  std::vector<double> scales;
  void on_skip(std::int64_t step, const LossScale& scale) override {
    skipped.push_back(step);
    scales.push_back(scale.scale);
  }
};

at::Tensor flat_gradient(const Transformer& model) {
  std::vector<at::Tensor> parts;
  for (const NamedParameter& parameter : model.parameters())
    parts.push_back(parameter.value.grad().to(at::kDouble).reshape({-1}));
  return at::cat(parts);
}

/// Of one DPO step at this loss scale, with it divided out.
at::Tensor gradient_at(double scale, at::ScalarType compute, GradientPath path) {
  const auto policy = tiny(compute);
  policy->set_trainable(true);
  const ScoreEngine<Transformer> engine(policy, clone_frozen(*policy), "cpu",
                                        EngineOptions{.loss_scale = scale});
  const AnyObjective dpo(Dpo({.beta = 0.2}));
  const ScoreBatch batch = toy_batch(toy_texts(3, 2), 2, MonteCarloElbo({.draws = 4}));
  const EngineStep step = engine.step(batch, totals_of(batch), dpo.needs(), loss_of(dpo), path);
  CHECK(step.loss == Approx(std::log(2.0)).epsilon(1e-6));  // at the reference, whatever the scale
  return flat_gradient(*policy) / scale;
}

}  // namespace

TEST_CASE("LossScale: halved where a gradient is not finite, doubled after as many finite steps",
          "[train][loss_scale]") {
  LossScale scale{.scale = 8};
  const LossScaling rules{.initial = 8, .growth_interval = 3};
  scale.grow(rules), scale.grow(rules);
  scale.back_off();  // counting begins again
  CHECK(scale.scale == 4);
  CHECK(scale.skipped_steps == 1);
  scale.grow(rules), scale.grow(rules);
  CHECK(scale.scale == 4);
  scale.grow(rules);
  CHECK(scale.scale == 8);
  CHECK(scale.finite_steps == 0);
  LossScale largest{.scale = 0x1p127};
  largest.grow({.growth_interval = 1});
  CHECK(largest.scale == 0x1p127);  // 2^128 is none of float32's
}

TEST_CASE("A gradient under a loss scale is that of scale 1, on every path",
          "[train][loss_scale]") {
  for (const GradientPath path : kPaths) {
    INFO(to_string(path));
    const at::Tensor exact = gradient_at(1, at::kFloat, path);
    CHECK(relative_distance(gradient_at(1024, at::kFloat, path), exact) < 1e-7);
    const at::Tensor plain = gradient_at(1, at::kHalf, path);
    CHECK(relative_distance(gradient_at(1024, at::kHalf, path), plain) < 2e-3);
    CHECK(relative_distance(plain, exact) > 1e-5);  // products are in float16 indeed
    CHECK(relative_distance(plain, exact) < 1e-2);
  }
}

TEST_CASE("Products in float16: the losses of twenty steps are those of float32 within .01",
          "[train][loss_scale]") {
  for (const GradientPath path : kPaths) {
    INFO(to_string(path));
    const ScaledWorld wide(at::kFloat, path, 20);
    ScaledWorld narrow(at::kHalf, path, 20);
    // What `pairwise` sends back are scores, not yet weighted by the loss: larger slopes.
    const double scale = path == GradientPath::pairwise ? 256 : 65536;
    narrow.setup.loss_scaling->initial = scale;
    Heard of_wide, of_narrow;
    wide.trainer().run(of_wide);
    narrow.trainer().run(of_narrow);
    REQUIRE(of_narrow.losses.size() == of_wide.losses.size());
    double worst = 0;
    for (std::size_t i = 0; i < of_wide.losses.size(); ++i)
      worst = std::max(worst, std::abs(of_narrow.losses[i].second - of_wide.losses[i].second));
    CHECK(worst < 1e-2);
    CHECK(worst > 0);
    // Nothing that is logged shows the scale.
    for (std::size_t i = 0; i < of_wide.metrics.size(); ++i)
      CHECK(of_narrow.metrics[i].at("gradient_norm") ==
            Approx(of_wide.metrics[i].at("gradient_norm")).epsilon(0.02));
    CHECK(of_narrow.metrics.back().at("loss_scale") == scale);
    CHECK(of_narrow.metrics.back().at("skipped_steps") == 0);
    CHECK(!of_wide.metrics.back().contains("loss_scale"));
  }
}

TEST_CASE("A scale that is too large skips steps, none of which counts, and training goes on",
          "[train][loss_scale]") {
  for (const GradientPath path : kPaths) {
    INFO(to_string(path));
    ScaledWorld world(at::kHalf, path, 60);
    world.setup.loss_scaling = LossScaling{.initial = 0x1p40, .growth_interval = 5};
    Heard heard;
    const auto start = clone_frozen(*world.policy);
    auto trainer = world.trainer();
    trainer.run(heard);
    REQUIRE(heard.skipped.size() > 5);
    CHECK(heard.skipped.front() == 0);
    CHECK(heard.scales.front() == 0x1p39);
    CHECK(!heard.metrics.front().contains("gradient_norm"));
    CHECK(heard.metrics.front().at("skipped_steps") == 1);
    CHECK(heard.metrics.back().at("skipped_steps") == static_cast<double>(heard.skipped.size()));
    // Grown again behind the first skips, and skipped again.
    CHECK(heard.skipped.back() > static_cast<std::int64_t>(heard.skipped.size()));
    CHECK(trainer.optimizer().steps_done() == 60 - static_cast<std::int64_t>(heard.skipped.size()));
    CHECK(!bit_equal(*world.policy, *start));
    CHECK(heard.losses.back().second < heard.losses.front().second);
  }
}

TEST_CASE("A checkpoint between skipped steps: what goes on from it ends in the same bits",
          "[train][loss_scale]") {
  for (const std::int64_t stop : {4, 45}) {  // still skipping; between two growths
    INFO("stopped after " << stop);
    const TemporaryFolder folder;
    const auto begin = [] {
      ScaledWorld world(at::kHalf, GradientPath::pairwise, 60);
      world.setup.loss_scaling = LossScaling{.initial = 0x1p40, .growth_interval = 7};
      return world;
    };
    const ScaledWorld whole = begin(), stopped = begin(), resumed = begin();
    Heard of_whole, of_stopped, of_resumed;
    whole.trainer().run(of_whole);
    of_stopped.stop_after = stop;
    of_stopped.save = [&](const TrainingProgress& progress, const Optimizer& optimizer) {
      save_checkpoint(folder.path(),
                      {.step = progress.step,
                       .since = progress.since,
                       .identity = "w",
                       .tokenizer = "t",
                       .loss_scale = progress.loss_scale},
                      stopped.policy->parameters(), optimizer, 1);
    };
    CHECK_THROWS_AS(stopped.trainer().run(of_stopped), Stopped);
    auto again = resumed.trainer();
    const CheckpointState state =
        load_checkpoint(folder.path() / (stop == 4 ? "step-00000004" : "step-00000045"), "w", "t",
                        resumed.policy->parameters(), again.optimizer());
    CHECK(state.loss_scale.skipped_steps == static_cast<std::int64_t>(of_stopped.skipped.size()));
    again.run(of_resumed, {.step = state.step, .since = {}, .loss_scale = state.loss_scale});
    CHECK(bit_equal(*whole.policy, *resumed.policy));
    CHECK(of_resumed.losses.back() == of_whole.losses.back());
    CHECK(of_resumed.metrics.back().at("skipped_steps") ==
          of_whole.metrics.back().at("skipped_steps"));
    CHECK(of_stopped.skipped.size() + of_resumed.skipped.size() == of_whole.skipped.size());
  }
}

TEST_CASE("A gradient that is not finite at any scale ends the run", "[train][loss_scale]") {
  ScaledWorld world(at::kHalf, GradientPath::replay, 10);
  world.setup.loss_scaling = LossScaling{.initial = 4};
  world.setup.labels.where = "stage \"tuned\"";
  world.setup.labels.policy = "denoiser \"tiny\"";
  Heard heard;
  // Its loss is log 2 at the reference, and the slope by a score half of beta.
  auto trainer = world.trainer(1e12);
  CHECK_THROWS_WITH(
      trainer.run(heard),
      "stage \"tuned\": the loss scale fell below 1 at optimizer step 3\n"
      "  the gradient is not finite at any scale, from the backward pass of denoiser \"tiny\"\n"
      "  nothing was updated by this step, and checkpoints saved before are intact; a smaller "
      "learning_rate may help, or dtype = \"bfloat16\"");
  CHECK(heard.scales == std::vector<double>{2, 1, 0.5});
}

TEST_CASE("A stage whose steps are all skipped ends in an error: nothing was trained",
          "[train][loss_scale]") {
  ScaledWorld world(at::kHalf, GradientPath::pairwise, 3);
  world.setup.loss_scaling = LossScaling{.initial = 0x1p60};
  Heard heard;
  CHECK_THROWS_WITH(world.trainer().run(heard), contains("all 3 steps were skipped"));
  CHECK(heard.skipped.size() == 3);
}

TEST_CASE("Several processes skip the same steps, whoever's gradient is not finite",
          "[train][loss_scale]") {
  std::vector<Heard> heard(2);
  std::vector<std::shared_ptr<Transformer>> policies(2);
  const auto thrown = on_ranks(2, [&](const std::shared_ptr<ProcessGroup>& group) {
    ScaledWorld world(at::kHalf, GradientPath::replay, 40);
    world.setup.optimizer.batch_size =
        2;  // one pair a process: they overflow at scales of their own
    world.setup.loss_scaling = LossScaling{.initial = 0x1p40, .growth_interval = 4};
    world.setup.group = group;
    const auto rank = static_cast<std::size_t>(group->rank());
    world.trainer().run(heard[rank]);
    policies[rank] = world.policy;
  });
  for (const std::string& text : thrown) REQUIRE(text == "");
  CHECK(heard[0].skipped.size() > 5);
  CHECK(heard[0].skipped.size() < 40);
  CHECK(heard[0].skipped == heard[1].skipped);
  CHECK(bit_equal(*policies[0], *policies[1]));
}

TEST_CASE("Likelihood alone trains in float16, too", "[train][loss_scale]") {
  std::vector<double> last;
  for (const auto compute : {at::kFloat, at::kHalf}) {
    ScaledWorld world(compute, GradientPath::linear, 15);
    for (TrainingRow& row : world.setup.rows) row.answers.resize(1);
    world.setup.optimizer.gradient_accumulation_steps = 2;
    Heard heard;
    Trainer<MaskedProcess, MonteCarloElbo, Sft>(process(), MonteCarloElbo({.draws = 4}), Sft({}),
                                                world.setup)
        .run(heard);
    CHECK(heard.metrics.back().at("gradient_noise") > 0);
    last.push_back(heard.metrics.back().at("gradient_noise"));
    last.push_back(heard.losses.back().second);
  }
  CHECK(last[2] == Approx(last[0]).epsilon(0.02));  // the disagreement shows no scale
  CHECK(last[3] == Approx(last[1]).epsilon(0.002));
}
