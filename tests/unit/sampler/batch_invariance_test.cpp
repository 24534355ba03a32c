// SPDX-License-Identifier: MIT
// With a real transformer: a prompt's tokens are the same bits alone and in any batch.
#include <ATen/Parallel.h>

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/model/determinism.hpp"
#include "lldm/model/transformer.hpp"
#include "lldm/sampler/diffusion_sampler.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "lldm/sampler/remasking/random.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {

// MKL reads its variable at its first product: before any test.
const bool kIsDeterministic = [] {
  set_deterministic_environment();
  return true;
}();

const SpecialTokens kSpecial{.mask = 79, .end_of_text = 78, .end_of_turn = 77};

std::shared_ptr<Transformer> small_model() {
  TransformerConfig config;
  config.width = 64;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 4;
  config.mlp_width = 176;
  config.vocabulary = config.logit_columns = 80;
  config.max_length = 128;
  return make_transformer(config, {}, Draws(1, "model"));
}

std::vector<SampleRequest> ragged_requests() {
  Stream draws = Draws(2, "prompts").stream(Purpose::data);
  std::vector<SampleRequest> out(7);
  for (std::size_t r = 0; r < out.size(); ++r) {
    out[r].row = r;
    out[r].prompt.resize(static_cast<std::size_t>(1 + draws.below(30)));
    for (auto& token : out[r].prompt) token = draws.below(77);
  }
  return out;
}

std::vector<SampledText> sample(const Transformer& model, SamplerSettings settings,
                                const AnyCommitRule& order, std::int64_t batch_size,
                                const std::vector<SampleRequest>& requests) {
  settings.batch_size = batch_size;
  const PhiloxNoise noise(Draws(3, "sample"));
  return DiffusionSampler<Transformer>(make_sampler_parts("test", settings, kSpecial, order))
      .sample(model, requests, noise);
}

}  // namespace

TEST_CASE("DiffusionSampler gives a real model's tokens independently of the batch",
          "[sampler][batch_invariance]") {
  REQUIRE(kIsDeterministic);
  const auto model = small_model();
  const auto requests = ragged_requests();
  const SamplerSettings base{.response_length = 12, .block_length = 12, .steps = 6};
  std::vector<SamplerSettings> all(4, base);
  all[1].temperature = 0.8;
  all[2].cfg_scale = 0.7;
  all[2].block_length = 4;
  all[3].growth = CanvasGrowth::by_block;
  all[3].block_length = 6;
  const std::vector<AnyCommitRule> orders{
      AnyCommitRule(LowConfidence()), AnyCommitRule(LowConfidence()),
      AnyCommitRule(LowConfidence()), AnyCommitRule(RandomOrder())};
  const int threads = at::get_num_threads();
  for (std::size_t i = 0; i < all.size(); ++i) {
    at::set_num_threads(i == 0 ? threads : 1);  // small products: more threads only wait
    const auto alone = sample(*model, all[i], orders[i], 1, requests);
    auto reversed = requests;
    std::ranges::reverse(reversed);
    const auto backwards = sample(*model, all[i], orders[i], 4, reversed);
    const auto together = sample(*model, all[i], orders[i], 64, requests);
    for (std::size_t r = 0; r < requests.size(); ++r) {
      REQUIRE(alone[r].tokens == together[r].tokens);
      REQUIRE(alone[r].tokens == backwards[requests.size() - 1 - r].tokens);
    }
  }
  at::set_num_threads(threads);
}

TEST_CASE("DiffusionSampler reads logits in as many pieces as memory asks for") {
  TransformerConfig config;
  config.width = 32, config.layers = 1, config.heads = config.kv_heads = 2, config.mlp_width = 32;
  config.vocabulary = config.logit_columns = 20000;
  config.max_length = 256;
  MemoryManager memory;
  memory.install();
  const auto model = make_transformer(config, {}, Draws(1, "model"));
  const PhiloxNoise noise(Draws(3, "sample"));
  const SamplerSettings settings{.response_length = 128, .block_length = 128, .steps = 2};
  const DiffusionSampler<Transformer> sampler(
      make_sampler_parts("test", settings, kSpecial, AnyCommitRule(LowConfidence())));
  const std::vector<SampleRequest> requests = {{.prompt = {1, 2, 3}}};
  const std::int64_t logits = 128 * 20000 * 4;  // 32 rows are the fewest, and may exist twice
  const auto held = [&] { return memory.report().find(MemoryDevice::cpu)->total.current_bytes; };
  const MemoryManager::Watch watch(memory);
  const auto free = sampler.sample(*model, requests, noise);
  REQUIRE(watch.growth_bytes(MemoryDevice::cpu) >= logits);
  memory.set_budget(MemoryDevice::cpu, {held() + logits * 5 / 8});
  const auto tight = sampler.sample(*model, requests, noise);
  memory.set_budget(MemoryDevice::cpu, {0});
  CHECK(tight.front().tokens == free.front().tokens);
  memory.set_budget(MemoryDevice::cpu, {held() + 20000});
  CHECK_THROWS_AS(sampler.sample(*model, requests, noise), OutOfMemory);
  memory.set_budget(MemoryDevice::cpu, {0});
}
