// SPDX-License-Identifier: MIT
// Forward and backward of a small LLaDA: our kernels against the same mathematics as tensor
// operations, in one run.  Half of the tokens are queried, as in training.
#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "lldm/draws/stream.hpp"
#include "lldm/model/determinism.hpp"
#include "lldm/model/transformer.hpp"
#include "support/rates.hpp"
#include "support/transformer_by_operations.hpp"

namespace {

struct Problem {
  std::shared_ptr<lldm::Transformer> model;
  lldm::PackedTokens batch;
  at::Tensor queried, targets;

  Problem(std::int64_t width, std::int64_t heads, std::int64_t mlp, std::int64_t sequences,
          std::int64_t length) {
    const lldm::TransformerConfig config{
        .width = width, .heads = heads, .kv_heads = heads, .mlp_width = mlp};
    model = lldm::make_transformer(config, {}, lldm::Draws(1, "bench"));
    lldm::Stream stream(1, 2);
    batch.tokens = at::arange(sequences * length);
    auto* ids = batch.tokens.mutable_data_ptr<std::int64_t>();
    for (std::int64_t i = 0; i < batch.tokens.size(0); ++i)
      ids[i] = stream.below(config.vocabulary);
    for (std::int64_t s = 0; s <= sequences; ++s) batch.offsets.push_back(s * length);
    queried = at::arange(0, sequences * length, 2);
    targets = batch.tokens.index_select(0, queried);
  }

  at::Tensor ours() const {
    return model->log_probabilities(model->hidden(batch).index_select(0, queried), targets).mean();
  }
  at::Tensor plain() const {
    const auto hidden = lldm::testing::hidden_by_operations(*model, batch);
    return lldm::testing::log_probabilities_by_operations(*model, hidden.index_select(0, queried),
                                                          targets)
        .mean();
  }
  std::vector<at::Tensor> gradients(const at::Tensor& loss) const {
    for (auto& p : model->parameters()) p.value.mutable_grad() = at::Tensor();
    loss.backward();
    std::vector<at::Tensor> list;
    for (auto& p : model->parameters()) list.push_back(p.value.grad());
    return list;
  }
};

// A benchmark of something wrong is worth nothing: both paths must agree first.
void check_equal(const Problem& problem) {
  const auto ours = problem.gradients(problem.ours()), plain = problem.gradients(problem.plain());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const double error = ours[i].sub(plain[i]).norm().item<double>(),
                 size = plain[i].norm().item<double>();
    if (!(error <= 1e-4 * size)) {
      std::fprintf(stderr, "gradient %zu differs: relative error %g\n", i, error / size);
      std::exit(1);
    }
  }
}

/// `passes`: 3 with a backward pass, 1 without.
void report(benchmark::State& state, const lldm::bench::Rates& rates, const Problem& problem,
            double passes) {
  const auto tokens = static_cast<double>(problem.batch.num_tokens());
  const double flops =
      lldm::bench::forward_flops(problem.model->config(), tokens,
                                 static_cast<double>(state.range(5)), passes > 1 ? tokens / 2 : 0);
  rates.report(state, tokens, passes * flops);
}

void BM_training_step(benchmark::State& state, bool is_ours) {
  at::set_num_threads(static_cast<int>(state.range(0)));
  const Problem problem(state.range(1), state.range(2), state.range(3), state.range(4),
                        state.range(5));
  check_equal(problem);
  const lldm::bench::Rates rates;
  for (auto _ : state) {
    const auto loss = is_ours ? problem.ours() : problem.plain();
    benchmark::DoNotOptimize(problem.gradients(loss));
  }
  report(state, rates, problem, 3);
}

void BM_hidden_without_gradient(benchmark::State& state) {
  at::set_num_threads(static_cast<int>(state.range(0)));
  const Problem problem(state.range(1), state.range(2), state.range(3), state.range(4),
                        state.range(5));
  problem.model->set_trainable(false);
  const lldm::bench::Rates rates;
  for (auto _ : state) benchmark::DoNotOptimize(problem.model->hidden(problem.batch));
  report(state, rates, problem, 1);
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->ArgNames({"threads", "D", "H", "F", "B", "L"})
      ->Unit(benchmark::kMillisecond)
      ->UseRealTime();
  for (const int threads : {1, 2}) {
    bench->Args({threads, 64, 8, 176, 64, 50});
    bench->Args({threads, 128, 4, 352, 16, 300});
    bench->Args({threads, 256, 8, 688, 8, 300});
  }
}

BENCHMARK_CAPTURE(BM_training_step, ours, true)->Apply(shapes);
BENCHMARK_CAPTURE(BM_training_step, operations, false)->Apply(shapes);
BENCHMARK(BM_hidden_without_gradient)->Apply(shapes);

}  // namespace

int main(int argc, char** argv) {
  lldm::set_deterministic_environment();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
