// SPDX-License-Identifier: MIT
#include "lldm/laws/score_estimator_laws.hpp"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <memory>
#include <numbers>

#include "laws/table_denoiser.hpp"
#include "lldm/errors.hpp"
#include "lldm/forward/block_masked.hpp"
#include "lldm/forward/masked.hpp"
#include "lldm/forward/uniform.hpp"
#include "lldm/laws/declared_targets.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/schedule/cosine.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/score/engine.hpp"
#include "lldm/score/plan_check.hpp"

namespace lldm::laws {
namespace {

constexpr std::int64_t kVocabulary = 3;

ScheduleFormula cosine_formula() {
  constexpr double half_pi = std::numbers::pi / 2;
  return {[](double t) { return 1 - std::sin(half_pi * t); },
          [](double t) { return -half_pi * std::cos(half_pi * t); }};
}

/// The estimator with the process that it accepts: masks, else masked blocks, else uniform noise.
struct Setting {
  AnyScoreEstimator estimator;
  bool is_masked = true;
  std::string refusal = {};  // of masks
};

World with_process(World world, AnyForwardProcess process) {
  world.process = std::move(process);
  return world;
}

World world_of(const Setting& setting, std::size_t size) {
  World world = law_world(size);
  if (setting.is_masked) return world;
  const Draws draws(1, "laws");
  const AnyForwardProcess blocks = BlockMaskedProcess(2, MaskedProcess(3, CosineSchedule()));
  try {
    (void)setting.estimator.plan(world.text, blocks, draws_of(draws, 0));
    return with_process(std::move(world), blocks);
  } catch (const ConfigError&) {
    return with_process(std::move(world), UniformProcess(0, 2, -1, CosineSchedule()));
  }
}

Setting setting_of(const AnyScoreEstimator& given) {
  AnyScoreEstimator estimator = given;
  if (const auto adaptation = estimator.adaptation()) estimator = estimator.at(adaptation->max);
  const World world = law_world(4);
  const Draws draws(1, "laws");
  try {
    (void)estimator.plan(world.text, world.process, draws_of(draws, 0));
    return {estimator, true};
  } catch (const ConfigError& error) {
    return {estimator, false, error.what()};
  }
}

ScorePlan unchecked_plan_of(const Setting& setting, const World& world, std::uint64_t row,
                            std::uint64_t answer = 0) {
  const Draws draws(5, "laws");
  return setting.estimator.plan(world.text, world.process, draws_of(draws, row, answer));
}

/// A plan that can be read: the other laws have nothing to say of one that is none.
ScorePlan plan_of(const Setting& setting, const World& world, std::uint64_t row,
                  std::uint64_t answer = 0) {
  ScorePlan plan = unchecked_plan_of(setting, world, row, answer);
  check_plan(plan, kVocabulary);
  return plan;
}

Finding check_structure(const Setting& setting) {
  for (const std::size_t size : {1, 3, 4}) {
    const World world = world_of(setting, size);
    for (std::uint64_t row = 0; row < 50; ++row) {
      const ScorePlan plan = unchecked_plan_of(setting, world, row);
      if (const std::string wrong = plan_failure(plan, kVocabulary); !wrong.empty())
        return fails(message("R = ", size, ", row ", row, ": ", wrong), "see legal");
      if (plan.num_scored != world.text.num_scored() || plan.length < world.text.length() ||
          plan.num_prompt != static_cast<std::int64_t>(world.text.prompt.size()))
        return fails(message("length ", plan.length, ", prompt ", plan.num_prompt, ", scored ",
                             plan.num_scored),
                     message("the text's: ", world.text.length(), ", ", world.text.prompt.size(),
                             ", ", world.text.num_scored()));
      const std::int64_t nominal = setting.estimator.nominal_copies(plan.num_scored);
      if (plan.nominal_copies != nominal)
        return fails(message("the plan has ", plan.nominal_copies, " nominal copies"),
                     message("what nominal_copies(", plan.num_scored, ") says: ", nominal));
      if (plan.combination != setting.estimator.target(plan.num_scored).combination)
        return fails("the plan's combination is not the target's", "both the same");
    }
  }
  return holds("150 plans of 1, 3 and 4 tokens");
}

Finding check_repeats(const Setting& setting) {
  const World world = world_of(setting, 4), other = world_of(setting, 3);
  for (std::uint64_t row = 0; row < 20; ++row) {
    const ScorePlan first = plan_of(setting, world, row);
    (void)plan_of(setting, other, row + 100);
    (void)plan_of(setting, world, row + 1, 1);
    const ScorePlan again = plan_of(setting, world, row);
    if (!same_plan(first, again) || first.queries.size() != again.queries.size())
      return fails(message("row ", row, " has another plan after other rows were planned"),
                   "a plan is a function of text, process and this row's draws alone");
  }
  return holds("20 rows, others planned between");
}

/// S of a plan on the enumerated table.
double score_of(const World& world, const ScorePlan& plan) {
  return plan.constant + dot(plan_weights(world, plan), world.subsets.logp);
}

Finding check_rows(const Setting& setting) {
  if (!setting.is_masked) return unchecked("masks are not accepted: " + setting.refusal);
  const World world = world_of(setting, 4);
  Sampled score, product;
  std::vector<double> scores;
  for (std::uint64_t row = 0; row < 8000; ++row) {
    scores.push_back(score_of(world, plan_of(setting, world, row)));
    score.add(scores.back());
  }
  for (std::size_t i = 1; i < scores.size(); ++i)
    product.add((scores[i - 1] - score.mean()) * (scores[i] - score.mean()));
  const std::string seen =
      message("covariance of neighbouring rows ", product.mean(), ", at most ", product.allowed());
  if (product.agrees(0.0)) return holds(seen);
  return fails(seen + " is legal", "every row draws for itself");
}

Finding check_target(const Setting& setting) {
  if (!setting.is_masked) return unchecked("masks are not accepted: " + setting.refusal);
  for (const std::size_t size : {1, 4}) {
    const World world = world_of(setting, size);
    const Target target = setting.estimator.target(static_cast<std::int64_t>(size));
    if (target.name.empty()) return fails("the target has no name", "a name, or \"none\"");
    if (!target.is_unbiased) return unchecked("declared biased: target " + target.name);
    const auto exact = declared_target(target.name, world.text, cosine_formula());
    if (!exact) return unchecked("the target " + target.name + " is not one that is enumerated");
    const std::string wrong =
        mean_failure(world, setting.estimator, exact->weights, exact->constant, 10000);
    if (!wrong.empty())
      return fails(message("R = ", size, ": ", wrong),
                   "mean and gradient of " + target.name + ", as declared");
  }
  return holds("mean and gradient over 10000 rows of 1 and of 4 tokens");
}

Finding check_schedule(const Setting& setting) {
  if (setting.estimator.reads_schedule()) return unchecked("it reads the schedule");
  if (!setting.is_masked) return unchecked("masks are not accepted: " + setting.refusal);
  const World cosine = world_of(setting, 4);
  const World linear = with_process(law_world(4), MaskedProcess(3, LinearSchedule()));
  for (std::uint64_t row = 0; row < 20; ++row)
    if (!same_plan(plan_of(setting, cosine, row), plan_of(setting, linear, row)))
      return fails(message("row ", row, " has another plan under another schedule"),
                   "reads_schedule() = true, or no influence");
  return holds("20 rows under two schedules");
}

/// A pair of equal length as one batch.
ScoreBatch pair_of(const Setting& setting) {
  ScoreBatch batch;
  batch.group_size = 2;
  for (std::uint64_t answer = 0; answer < 2; ++answer) {
    World world = world_of(setting, 3);
    if (answer == 1)
      for (std::int64_t& token : world.text.response) token = (token + 1) % kVocabulary;
    batch.plans.push_back(plan_of(setting, world, 0, answer));
  }
  return batch;
}

Finding check_gradient(const Setting& setting) {
  const ScoreBatch batch = pair_of(setting);
  const bool is_two_stream = batch.plans.front().attention.kind != AttentionPattern::Kind::full;
  if (is_two_stream) return unchecked("plans of two streams need a transformer");
  const auto policy = std::make_shared<TableDenoiser>(ToyTable(3, 4, 1));
  const auto reference = std::make_shared<TableDenoiser>(ToyTable(3, 4, 2), false);
  const Dpo dpo({.beta = 0.5});
  const LossFunction loss = [&](const ScoreSet& set) { return dpo.evaluate(set); };
  const auto value = [&](const std::shared_ptr<TableDenoiser>& model) {
    const ScoreEngine<TableDenoiser> engine(model, reference);
    return dpo.evaluate(engine.score(batch)).loss_sum.item<double>();
  };
  at::Tensor exact;
  int paths = 0;
  const ScoreEngine<TableDenoiser> engine(policy, reference);
  for (const GradientPath path :
       {GradientPath::retain, GradientPath::replay, GradientPath::pairwise}) {
    try {
      check_gradient_path(path, dpo.needs(), batch.plans.front().combination);
    } catch (const ConfigError&) {
      continue;
    }
    policy->weights().mutable_grad() = at::Tensor();
    engine.step(batch, {}, dpo.needs(), loss, path);
    const at::Tensor gradient = policy->weights().grad().clone();
    if (!exact.defined()) exact = gradient;
    ++paths;
    if (const double by = (gradient - exact).abs().max().item<double>(); !(by <= 1e-10))
      return fails(message("gradient path ", to_string(path), " differs by ", by), "one gradient");
  }
  std::vector<double> logits = policy->table().logits();
  const at::Tensor flat = exact.reshape({-1});
  Largest worst;
  for (std::size_t i = 0; i < logits.size(); i += 1) {
    const double said = flat[static_cast<std::int64_t>(i)].item<double>();
    if (said == 0) continue;
    const auto at = [&](double by) {
      std::vector<double> moved = logits;
      moved[i] += by;
      return value(std::make_shared<TableDenoiser>(policy->table().with_logits(std::move(moved))));
    };
    const double numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
    worst.see(std::abs(said - numeric) / (1e-3 + std::abs(numeric)), [&] {
      return message("weight ", i, ": ", said, ", differences of the loss ", numeric);
    });
  }
  return worst.at_most(1e-5, message(paths, " paths agree; largest relative difference"),
                       "the gradient is that of the loss");
}

}  // namespace

World law_world(std::size_t size) {
  ToyTable model(kVocabulary, static_cast<std::int64_t>(size) + 1, 1);
  Text text;
  Stream stream = Draws(1, "text").stream(Purpose::data);
  text.prompt = {stream.below(kVocabulary)};
  for (std::size_t i = 0; i < size; ++i) text.response.push_back(stream.below(kVocabulary));
  const std::int64_t steps[] = {5, 0, 3, 3};
  for (std::size_t i = 0; i < size; ++i) text.reveal_step.push_back(size == 1 ? 0 : steps[i % 4]);
  SubsetTable subsets = subset_table(model, text);
  return {std::move(model), text, MaskedProcess(3, CosineSchedule()), std::move(subsets)};
}

std::vector<Law> score_estimator_laws(const AnyScoreEstimator& estimator) {
  const auto law = [&](const char* name, Finding (*check)(const Setting&)) {
    return Law{name, [estimator, check] { return check(setting_of(estimator)); }};
  };
  return {law("plans fit their text", check_structure),
          law("equal draws give equal plans, whatever was planned before", check_repeats),
          law("rows draw independently", check_rows),
          law("the score is unbiased for the declared target", check_target),
          law("an unread schedule has no influence", check_schedule),
          law("every gradient path gives the loss's gradient", check_gradient)};
}

}  // namespace lldm::laws
