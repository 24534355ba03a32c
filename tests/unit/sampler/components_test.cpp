// SPDX-License-Identifier: MIT
#include "lldm/errors.hpp"
#include "lldm/sampler/any_sampler.hpp"
#include "lldm/sampler/fixed_length.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "lldm/sampler/semi_autoregressive_origin.hpp"
#include "lldm/sampler/semi_autoregressive_padding.hpp"
#include "support/catch.hpp"
#include "support/fake_denoiser.hpp"
#include "support/reference_sampler.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {
const SpecialTokens kSpecial{.mask = 12, .end_of_text = 10, .end_of_turn = 11};

template <class S>
AnySampler make(const typename S::Options& options) {
  return AnySampler(S(options, kSpecial, Draws(1, "sample"), AnyCommitRule(LowConfidence())));
}

std::vector<std::int64_t> reference(const SamplerSettings& settings, const SampleRequest& request) {
  const FakeDenoiser model({});
  const PhiloxNoise noise(Draws(1, "sample"));
  return ReferenceSampler<FakeDenoiser>(model, settings, kSpecial, "low_confidence", noise)
      .sample(request)
      .tokens;
}
}  // namespace

TEST_CASE("The sampler components write the canvas that their name says", "[sampler][component]") {
  const AnyDenoiser model(std::make_shared<FakeDenoiser>(FakeDenoiser::Settings{}));
  const SampleRequest request{.prompt = {1, 2, 3}, .row = 5};
  const std::vector<SampleRequest> requests{request};
  SamplerSettings settings{
      .response_length = 12, .block_length = 12, .steps = 6, .temperature = 0.5};
  const auto fixed = make<FixedLength>({.response_length = 12, .steps = 6, .temperature = 0.5})
                         .sample(model, requests)[0]
                         .tokens;
  CHECK(fixed == reference(settings, request));
  settings.block_length = 4;
  const auto padding =
      make<SemiAutoregressivePadding>(
          {.response_length = 12, .steps = 6, .temperature = 0.5, .block_length = 4})
          .sample(model, requests)[0]
          .tokens;
  CHECK(padding == reference(settings, request));
  settings.growth = CanvasGrowth::by_block;
  const auto origin =
      make<SemiAutoregressiveOrigin>(
          {.response_length = 12, .steps = 6, .temperature = 0.5, .block_length = 4})
          .sample(model, requests)[0]
          .tokens;
  CHECK(origin == reference(settings, request));
  CHECK(fixed != padding);
  CHECK(padding != origin);
  CHECK(make<FixedLength>({.response_length = 12}).response_length() == 12);
}

TEST_CASE("Every option of the sampler components reaches the sampler", "[sampler][component]") {
  const SemiAutoregressiveOrigin::Options options{.response_length = 12,
                                                  .steps = 6,
                                                  .temperature = 0.25,
                                                  .cfg_scale = 0.5,
                                                  .suppress_end_of_text = true,
                                                  .discount_end_of_text = true,
                                                  .stop_at_end_of_text = false,
                                                  .compat = SamplerCompat::llada,
                                                  .batch_size = 7,
                                                  .block_length = 4};
  const SemiAutoregressiveOrigin sampler(options, kSpecial, Draws(1, "sample"),
                                         AnyCommitRule(LowConfidence()));
  const SamplerParts& parts = sampler.parts();
  CHECK(parts.canvas.growth == CanvasGrowth::by_block);
  CHECK(parts.canvas.response_length == 12);
  CHECK(parts.canvas.block_length == 4);
  CHECK(parts.steps_per_block == 2);
  CHECK(parts.choice.temperature == 0.25);
  CHECK(parts.guidance.scale == 0.5);
  CHECK(parts.choice.never_chosen == std::vector<std::int64_t>{10});
  CHECK(parts.choice.discounted == std::vector<std::int64_t>{11});
  CHECK_FALSE(parts.stop.is_on);
  CHECK(parts.keeps_open_masks);
  CHECK(parts.runs_idle_steps);
  CHECK(parts.batch_size == 7);
}

TEST_CASE("A sampler component names itself in its errors", "[sampler][component]") {
  std::string text;
  try {
    (void)make<SemiAutoregressivePadding>({.response_length = 12, .block_length = 5});
  } catch (const ConfigError& error) {
    text = error.what();
  }
  CHECK(text.starts_with("sampler \"semi_autoregressive_padding\": response_length = 12"));
}
