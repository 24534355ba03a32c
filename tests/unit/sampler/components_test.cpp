// SPDX-License-Identifier: MIT
#include "lldm/concepts/any_sampler.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registration.hpp"
#include "lldm/sampler/fixed_length.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "lldm/sampler/remasking/random.hpp"
#include "lldm/sampler/semi_autoregressive_origin.hpp"
#include "lldm/sampler/semi_autoregressive_padding.hpp"
#include "support/catch.hpp"
#include "support/config_text.hpp"
#include "support/fake_denoiser.hpp"
#include "support/reference_sampler.hpp"
#include "support/services.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {
const SpecialTokens kSpecial{.mask = 12, .end_of_text = 10, .end_of_turn = 11};

const SamplerOptions kTwelve{.canvas = {.response_length = 12},
                             .commit = {.steps = 6, .temperature = 0.5}};

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
  const auto fixed = make<FixedLength>(kTwelve).sample(model, requests)[0].tokens;
  CHECK(fixed == reference(settings, request));
  settings.block_length = 4;
  const auto padding = make<SemiAutoregressivePadding>({.common = kTwelve, .block_length = 4})
                           .sample(model, requests)[0]
                           .tokens;
  CHECK(padding == reference(settings, request));
  settings.growth = CanvasGrowth::by_block;
  const auto origin = make<SemiAutoregressiveOrigin>({.common = kTwelve, .block_length = 4})
                          .sample(model, requests)[0]
                          .tokens;
  CHECK(origin == reference(settings, request));
  CHECK(fixed != padding);
  CHECK(padding != origin);
  CHECK(make<FixedLength>(kTwelve).response_length() == 12);
}

TEST_CASE("Every option of the sampler components reaches the sampler", "[sampler][component]") {
  const SemiAutoregressiveOrigin::Options options{
      .common = {.canvas = {.response_length = 12},
                 .commit = {.steps = 6, .temperature = 0.25},
                 .guidance = {.cfg_scale = 0.5},
                 .stop = {.suppress_end_of_text = true,
                          .discount_end_of_text = true,
                          .stop_at_end_of_text = false},
                 .evaluation = {.compat = SamplerCompat::llada, .batch_size = 7}},
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
    (void)make<SemiAutoregressivePadding>({.common = kTwelve, .block_length = 5});
  } catch (const ConfigError& error) {
    text = error.what();
  }
  CHECK(text.starts_with("sampler \"semi_autoregressive_padding\": response_length = 12"));
}

namespace {

class NoText final : public Tokenizer {
 public:
  explicit NoText(const SpecialTokens& special) : special_(special) {}
  std::vector<std::int64_t> encode(std::string_view, SpecialText) const override { return {}; }
  std::string decode(std::span<const std::int64_t>, bool) const override { return {}; }
  std::int64_t vocabulary_size() const override { return 13; }
  const SpecialTokens& special() const override { return special_; }
  std::string_view type() const override { return "none"; }
  void save(const std::filesystem::path&) const override {}
  std::string fingerprint() const override { return {}; }

 private:
  SpecialTokens special_;
};

Registry samplers() {
  Registry registry;
  registry.add<FixedLength>().add<SemiAutoregressivePadding>().add<SemiAutoregressiveOrigin>();
  registry.add<LowConfidence>().add<RandomOrder>();
  return registry;
}

AnySampler made(std::string_view text, std::shared_ptr<const Tokenizer> tokenizer) {
  const Registry registry = samplers();
  config::Diagnostics diagnostics;
  const BoundComponent bound = registry.bind(Role::sampler, tree(text), diagnostics);
  diagnostics.throw_if_any();
  const TestServices base(registry);
  Services services = base.get();
  services.tokenizer = std::move(tokenizer);
  return registry.make<AnySampler>(bound, services);
}

std::string bind_error(std::string_view text) {
  config::Diagnostics diagnostics;
  (void)samplers().bind(Role::sampler, tree(text), diagnostics);
  return error_text(diagnostics);
}

}  // namespace

TEST_CASE("A sampler is made from its table, with the special tokens and draws of the services",
          "[sampler][component][registry]") {
  const auto tokenizer = std::make_shared<NoText>(kSpecial);
  const AnySampler sampler = made(
      "type = \"semi_autoregressive_origin\"\nresponse_length = 12\nsteps = 6\n"
      "temperature = 0.5\nblock_length = 4\nremasking = \"random\"",
      tokenizer);
  const SampleRequest request{.prompt = {1, 2, 3}, .row = 5};
  const FakeDenoiser model({});
  const PhiloxNoise noise(Draws(1, "test"));
  const SamplerSettings settings{.growth = CanvasGrowth::by_block,
                                 .response_length = 12,
                                 .block_length = 4,
                                 .steps = 6,
                                 .temperature = 0.5};
  const auto expected =
      ReferenceSampler<FakeDenoiser>(model, settings, kSpecial, "random", noise).sample(request);
  const AnyDenoiser erased(std::make_shared<FakeDenoiser>(FakeDenoiser::Settings{}));
  CHECK(sampler.sample(erased, std::vector{request})[0].tokens == expected.tokens);
  CHECK_THROWS_AS(made("type = \"fixed_length\"", nullptr), ConfigError);
  CHECK_THROWS_AS(made("type = \"fixed_length\"", std::make_shared<NoText>(SpecialTokens{})),
                  ConfigError);
}

TEST_CASE("Blocks that do not fit are reported at their key when the file is validated",
          "[sampler][component][error]") {
  CHECK(bind_error("type = \"semi_autoregressive_padding\"\nresponse_length = 12\n"
                   "block_length = 5") ==
        "a.toml:3:1: [sampler] type \"semi_autoregressive_padding\": response_length = 12 is not a "
        "multiple of block_length = 5\n  legal block_length: 1, 2, 3, 4, 6, 12");
  CHECK(bind_error("type = \"semi_autoregressive_origin\"\nresponse_length = 12\n"
                   "block_length = 4\nsteps = 7") ==
        "a.toml:4:1: [sampler] type \"semi_autoregressive_origin\": steps = 7 cannot be shared "
        "equally by the 3 blocks of response_length = 12 and block_length = 4\n"
        "  legal steps: 3, 6, 9, ...");
  CHECK(bind_error("type = \"fixed_length\"\nremasking = \"randon\"").find("random") !=
        std::string::npos);
}
