// SPDX-License-Identifier: MIT
// One preference step (four pairs, policy and frozen reference) by estimator and gradient path.
// Every estimator gets the same forward passes per answer.  gemm_share counts the passes that the
// mathematics needs (policy forward and backward, reference forward): replay's second forward is
// its own loss.  The same with the reference's scores read from a reference cache on disk.
#include <ATen/Parallel.h>
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/estimator/full_trajectory.hpp"
#include "lldm/estimator/monte_carlo_elbo.hpp"
#include "lldm/estimator/segmented.hpp"
#include "lldm/forward/masked.hpp"
#include "lldm/model/determinism.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/objective/dpo.hpp"
#include "lldm/schedule/linear.hpp"
#include "lldm/score/engine.hpp"
#include "lldm/score/reference_cache.hpp"
#include "support/rates.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace lldm;

constexpr std::int64_t kPairs = 4, kPrompt = 30, kResponse = 30, kPasses = 4;
constexpr std::int64_t kTextsOfStep = 2 * kPairs;

AnyScoreEstimator estimator_of(std::int64_t index) {
  if (index == 0) return FullTrajectory({.steps = kPasses});
  if (index == 1) return MonteCarloElbo({.draws = kPasses});
  return Segmented({.steps = 2 * kPasses, .segments = kPasses});
}

constexpr const char* kEstimators[] = {"full_trajectory", "monte_carlo_elbo", "segmented"};

struct Problem {
  TransformerConfig config;
  std::shared_ptr<Transformer> policy, reference;
  ScoreBatch batch;
  StepTotals totals;
  double queries = 0, tokens = 0;
  testing::TemporaryFolder folder;
  std::unique_ptr<ReferenceCache> cache;

  Problem(std::int64_t estimator, std::int64_t width, std::int64_t heads, std::int64_t mlp) {
    config = {.width = width, .heads = heads, .kv_heads = heads, .mlp_width = mlp};
    policy = make_transformer(config, {}, Draws(1, "policy"));
    reference = make_transformer(config, {}, Draws(2, "reference"));
    reference->set_trainable(false);
    batch.group_size = 2;
    const MaskedProcess process(config.vocabulary - 1, LinearSchedule());
    const Draws draws(3, "preference_step");
    Stream tokens_of = draws.stream(Purpose::data);
    for (std::int64_t i = 0; i < kTextsOfStep; ++i) {
      Text text;
      for (std::int64_t k = 0; k < kPrompt; ++k)
        text.prompt.push_back(tokens_of.below(config.vocabulary - 1));
      for (std::int64_t k = 0; k < kResponse; ++k)
        text.response.push_back(tokens_of.below(config.vocabulary - 1));
      batch.plans.push_back(estimator_of(estimator).plan(
          text, process,
          TextDraws(draws, Purpose::noise, 0, static_cast<std::uint64_t>(i / 2),
                    static_cast<std::uint64_t>(i % 2))));
      const ScorePlan& plan = batch.plans.back();
      queries += static_cast<double>(plan.queries.size());
      tokens += static_cast<double>(plan.copies() * plan.length);
    }
    totals.groups = kPairs;
    totals.rows = kTextsOfStep;
    totals.tokens = kTextsOfStep * kResponse;
    totals.first_tokens = kPairs * kResponse;
    cache = std::make_unique<ReferenceCache>(
        folder.path(), ReferenceSource{{}, "reference", "the reference of a benchmark"});
    const ScoreEngine<Transformer> filler(reference, nullptr);
    for (const ScorePlan& plan : batch.plans) {
      StoredPlan stored{plan_key(plan), 0, 0, 0, filler.readouts({&plan, 1}, false)};
      cache->append({&stored, 1});
    }
  }

  EngineStep step(GradientPath path, bool is_cached = false) const {
    for (auto& p : policy->parameters()) p.value.mutable_grad() = at::Tensor();
    const Dpo dpo({.beta = 0.2});
    ScoreEngine<Transformer> engine(policy, is_cached ? nullptr : reference);
    if (is_cached)
      engine.use_stored_reference([this](const ScorePlan& plan) { return cache->readouts(plan); });
    return engine.step(
        batch, totals, dpo.needs(), [&](const ScoreSet& set) { return dpo.evaluate(set); }, path);
  }
  /// Policy forward and backward (twice a forward), and the reference's forward where it is done.
  double flops(bool is_cached) const {
    return (is_cached ? 3 : 4) * bench::forward_flops(config, tokens, kPrompt + kResponse, queries);
  }
};

// A benchmark of something wrong is worth nothing: every path must give the gradient of `retain`.
void check_equal(const Problem& problem, GradientPath path, bool is_cached) {
  const auto gradients = [&](GradientPath by, bool from_cache) {
    (void)problem.step(by, from_cache);
    std::vector<at::Tensor> list;
    for (auto& p : problem.policy->parameters()) list.push_back(p.value.grad().clone());
    return list;
  };
  const auto wanted = gradients(GradientPath::retain, false), got = gradients(path, is_cached);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double error = got[i].sub(wanted[i]).norm().item<double>(),
                 size = wanted[i].norm().item<double>();
    if (!(error <= 1e-4 * size)) {
      std::fprintf(stderr, "gradient %zu differs: relative error %g\n", i, error / size);
      std::exit(1);
    }
  }
}

void BM_preference_step(benchmark::State& state, GradientPath path, bool is_cached) {
  at::set_num_threads(static_cast<int>(state.range(0)));
  const Problem problem(state.range(1), state.range(2), state.range(3), state.range(4));
  check_equal(problem, path, is_cached);
  const bench::Rates rates;
  for (auto _ : state) benchmark::DoNotOptimize(problem.step(path, is_cached).loss);
  state.SetLabel(kEstimators[state.range(1)]);
  rates.report(state, problem.tokens, problem.flops(is_cached));
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"threads", "estimator", "D", "H", "F"})
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
  for (const int estimator : {0, 1, 2}) {
    bench->Args({2, estimator, 64, 8, 176});
    bench->Args({2, estimator, 256, 8, 688});
  }
  // One thread: its CPU time means something on a machine that does other work, too.
  bench->Args({1, 1, 64, 8, 176});
  bench->Args({1, 1, 256, 8, 688});
}

BENCHMARK_CAPTURE(BM_preference_step, retain, GradientPath::retain, false)->Apply(shapes);
BENCHMARK_CAPTURE(BM_preference_step, retain_cached, GradientPath::retain, true)->Apply(shapes);
BENCHMARK_CAPTURE(BM_preference_step, replay, GradientPath::replay, false)->Apply(shapes);
BENCHMARK_CAPTURE(BM_preference_step, replay_cached, GradientPath::replay, true)->Apply(shapes);
BENCHMARK_CAPTURE(BM_preference_step, pairwise, GradientPath::pairwise, false)->Apply(shapes);
BENCHMARK_CAPTURE(BM_preference_step, pairwise_cached, GradientPath::pairwise, true)->Apply(shapes);

}  // namespace

int main(int argc, char** argv) {
  set_deterministic_environment();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
