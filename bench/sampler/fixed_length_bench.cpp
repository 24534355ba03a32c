// SPDX-License-Identifier: MIT
// Tokens per second of the fixed_length sampler: with a model of the quickstart's size, and with a
// model that costs nothing, so that the sampler's own work shows.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <benchmark/benchmark.h>

#include <memory>

#include "lldm/model/determinism.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/sampler/diffusion_sampler.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"

namespace {

using namespace lldm;

constexpr std::int64_t kVocabulary = 100, kPrompt = 32, kResponse = 40;
const SpecialTokens kSpecial{.mask = 99, .end_of_text = 98};

// Fixed logits: one row of noise that every position shares, shifted by its column.
class FreeModel {
 public:
  FreeModel() : table_(at::empty({1024, kVocabulary}, at::kFloat)) {
    Stream draws = Draws(1, "bench").stream(Purpose::data);
    for (std::int64_t i = 0; i < table_.numel(); ++i)
      table_.mutable_data_ptr<float>()[i] = static_cast<float>(4.0 * draws.normal());
  }
  at::Tensor hidden(const PackedTokens& batch) const { return at::zeros({batch.num_tokens(), 1}); }
  at::Tensor logits(const at::Tensor& rows) const {
    at::Tensor out = at::empty({rows.size(0), kVocabulary}, at::kFloat);
    for (std::int64_t q = 0; q < rows.size(0); ++q)
      std::copy_n(table_.const_data_ptr<float>() + (q % 1024) * kVocabulary, kVocabulary,
                  out.mutable_data_ptr<float>() + q * kVocabulary);
    return out;
  }
  at::Tensor log_probabilities(const at::Tensor& rows, const at::Tensor&) const {
    return at::zeros({rows.size(0)});
  }
  std::vector<NamedParameter> parameters() const { return {}; }
  std::int64_t vocabulary_size() const { return kVocabulary; }

 private:
  at::Tensor table_;
};
static_assert(Denoiser<FreeModel>);

std::shared_ptr<Transformer> quickstart_model() {
  TransformerConfig config;
  config.width = 64;
  config.layers = 3;
  config.heads = 4;
  config.kv_heads = 4;
  config.mlp_width = 176;
  config.vocabulary = config.logit_columns = kVocabulary;
  config.max_length = 128;
  auto model = make_transformer(config, {}, Draws(1, "bench"));
  model->set_trainable(false);
  return model;
}

// Prompts of 24 to 40 tokens, as ragged as a task's.
std::vector<SampleRequest> prompts(std::int64_t rows) {
  Stream draws = Draws(2, "bench").stream(Purpose::data);
  std::vector<SampleRequest> out(static_cast<std::size_t>(rows));
  for (std::size_t r = 0; r < out.size(); ++r) {
    out[r].row = r;
    out[r].prompt.resize(static_cast<std::size_t>(kPrompt - 8 + draws.below(17)));
    for (auto& token : out[r].prompt) token = draws.below(kVocabulary - 2);
  }
  return out;
}

template <Denoiser D>
void run(benchmark::State& state, const D& model, double temperature) {
  const std::int64_t rows = 128;
  const auto requests = prompts(rows);
  const PhiloxNoise noise(Draws(3, "bench"));
  const DiffusionSampler<D> sampler(make_sampler_parts("fixed_length",
                                                       {.response_length = kResponse,
                                                        .block_length = kResponse,
                                                        .steps = 15,
                                                        .temperature = temperature,
                                                        .stop_at_end_of_text = false,
                                                        .batch_size = state.range(0)},
                                                       kSpecial, AnyCommitRule(LowConfidence())));
  for (auto _ : state) {
    const auto results = sampler.sample(model, requests, noise);
    if (results.front().masks_left != 0) state.SkipWithError("a mask is left");
    benchmark::DoNotOptimize(results.data());
  }
  const auto tokens = static_cast<double>(state.iterations() * rows * kResponse);
  state.counters["tokens_per_second"] = benchmark::Counter(tokens, benchmark::Counter::kIsRate);
}

void BM_fixed_length_llada(benchmark::State& state) {
  set_deterministic_environment();
  static const auto model = quickstart_model();
  run(state, *model, static_cast<double>(state.range(1)) / 10.0);
}
void BM_fixed_length_free_model(benchmark::State& state) {
  static const FreeModel model;
  run(state, model, static_cast<double>(state.range(1)) / 10.0);
}
BENCHMARK(BM_fixed_length_llada)
    ->ArgNames({"batch", "temperature_tenths"})
    ->ArgsProduct({{1, 16, 64, 128}, {0}})
    ->Args({64, 8})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK(BM_fixed_length_free_model)
    ->ArgNames({"batch", "temperature_tenths"})
    ->ArgsProduct({{64}, {0, 8}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
