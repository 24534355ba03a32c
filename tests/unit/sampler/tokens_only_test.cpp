// SPDX-License-Identifier: MIT
#include "lldm/sampler/tokens_only.hpp"

#include <ATen/ops/isfinite.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

#include "lldm/errors.hpp"
#include "lldm/sampler/diffusion_sampler.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "support/catch.hpp"
#include "support/fake_denoiser.hpp"

using namespace lldm;
using lldm::testing::FakeDenoiser;

namespace {

constexpr std::int64_t kTokens = 9;
const SpecialTokens kSpecial{.mask = 8, .end_of_text = 7};

/// A model of 13 ids, the last four without a token and one of them its favourite.
AnyDenoiser padded_model() {
  return AnyDenoiser(std::make_shared<FakeDenoiser>(
      FakeDenoiser::Settings{.vocabulary_size = 13, .favoured = 11, .favour = 6.0}));
}

std::int64_t highest_id(const AnyDenoiser& model, const SamplerSettings& settings) {
  const DiffusionSampler<AnyDenoiser> sampler(
      make_sampler_parts("test", settings, kSpecial, AnyCommitRule(LowConfidence())));
  std::int64_t highest = -1;
  std::vector<SampleRequest> requests(8);
  for (std::size_t r = 0; r < requests.size(); ++r) requests[r] = {.prompt = {1, 2}, .row = r};
  for (const SampledText& text : sampler.sample(model, requests, PhiloxNoise(Draws(3, "test"))))
    for (const std::int64_t token : text.tokens) highest = std::max(highest, token);
  return highest;
}

}  // namespace

TEST_CASE("An id without a token is never chosen", "[sampler][tokens_only]") {
  const AnyDenoiser whole = padded_model(), model = tokens_only(whole, kTokens);
  for (const double temperature : {0.0, 1.5, 30.0})
    for (const double cfg_scale : {0.0, 1.0})
      for (const SamplerCompat compat : {SamplerCompat::none, SamplerCompat::llada}) {
        SamplerSettings settings;
        settings.response_length = settings.block_length = settings.steps = 6;
        settings.temperature = temperature;
        settings.cfg_scale = cfg_scale;
        settings.compat = compat;
        CHECK(highest_id(model, settings) < kTokens);
        CHECK(highest_id(whole, settings) >= kTokens);
      }
}

TEST_CASE("Scores stay those of every row of the embedding", "[sampler][tokens_only]") {
  const AnyDenoiser whole = padded_model(), model = tokens_only(whole, kTokens);
  CHECK(model.vocabulary_size() == 13);
  const at::Tensor rows = at::tensor({0.0, 123456.0}, at::kDouble).view({2, 1});
  const at::Tensor all = whole.logits(rows), left = model.logits(rows);
  CHECK(left.narrow(1, 0, kTokens).equal(all.narrow(1, 0, kTokens)));
  CHECK(at::isfinite(left.narrow(1, kTokens, 4)).sum().item<std::int64_t>() == 0);
  const at::Tensor targets = at::tensor({3, 11}, at::kLong);
  CHECK(model.log_probabilities(rows, targets).equal(whole.log_probabilities(rows, targets)));
  CHECK(tokens_only(whole, 13).logits(rows).equal(all));
  CHECK_THROWS_AS(tokens_only(whole, 0), ShapeError);
}
