// SPDX-License-Identifier: MIT
#include "lldm/sampler/diffusion_sampler.hpp"

#include "lldm/errors.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "lldm/sampler/remasking/random.hpp"
#include "support/catch.hpp"
#include "support/fake_denoiser.hpp"
#include "support/reference_sampler.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

const SpecialTokens kSpecial{.mask = 12, .end_of_text = 10, .end_of_turn = 11};

AnyCommitRule rule(const std::string& name) {
  return name == "random" ? AnyCommitRule(RandomOrder()) : AnyCommitRule(LowConfidence());
}

struct Setting {
  SamplerSettings settings;
  std::string remasking;
  FakeDenoiser::Settings model;
};

Setting random_setting(Stream& draws, CanvasGrowth growth, bool is_one_block) {
  const auto flip = [&] { return draws.below(2) == 1; };
  Setting out;
  SamplerSettings& s = out.settings;
  s.growth = growth;
  s.block_length = 1 + draws.below(6);
  const std::int64_t blocks = is_one_block ? 1 : 1 + draws.below(4);
  s.response_length = s.block_length * blocks;
  s.steps = blocks * (1 + draws.below(8));
  s.temperature = flip() ? 0.0 : 1.5 * draws.uniform();
  s.cfg_scale = flip() ? 0.0 : 2.0 * draws.uniform();
  s.suppress_end_of_text = draws.below(4) == 0;
  s.discount_end_of_text = draws.below(3) == 0;
  s.stop_at_end_of_text = flip();
  s.compat = flip() ? SamplerCompat::none : SamplerCompat::llada;
  s.batch_size = 1 + draws.below(5);
  out.remasking = flip() ? "random" : "low_confidence";
  out.model.seed = draws.bits();
  out.model.is_float32 = flip();
  if (flip()) out.model.logit_step = 2.0;  // many ties
  if (flip()) {
    out.model.favoured = flip() ? kSpecial.end_of_text : kSpecial.mask;
    out.model.favour = 2.0;
  }
  return out;
}

std::vector<SampleRequest> random_requests(Stream& draws, bool allow_masks) {
  std::vector<SampleRequest> out(static_cast<std::size_t>(1 + draws.below(6)));
  for (std::size_t r = 0; r < out.size(); ++r) {
    out[r].row = 100 + r;
    out[r].answer = static_cast<std::uint64_t>(draws.below(3));
    out[r].prompt.resize(static_cast<std::size_t>(draws.below(6)));
    for (auto& token : out[r].prompt) token = draws.below(allow_masks ? 13 : 12);
    if (draws.below(3) == 0) {
      out[r].visible.assign(out[r].prompt.size(), true);
      for (std::size_t i = 0; i < out[r].prompt.size() / 2; ++i) out[r].visible[i] = false;
    }
  }
  return out;
}

void compare_with_reference(CanvasGrowth growth, bool is_one_block, std::uint64_t seed) {
  Stream draws = Draws(seed, "test").stream(Purpose::data);
  const PhiloxNoise noise(Draws(seed, "sample"));
  int early_stops = 0, left_masks = 0;
  for (int trial = 0; trial < 250; ++trial) {
    const Setting setting = random_setting(draws, growth, is_one_block);
    const FakeDenoiser model(setting.model);
    const bool is_llada = setting.settings.compat == SamplerCompat::llada;
    const auto requests = random_requests(draws, is_llada);
    const DiffusionSampler<FakeDenoiser> sampler(
        make_sampler_parts("test", setting.settings, kSpecial, rule(setting.remasking)));
    const auto results = sampler.sample(model, requests, noise, Trace::canvases);
    const ReferenceSampler<FakeDenoiser> reference(model, setting.settings, kSpecial,
                                                   setting.remasking, noise);
    REQUIRE(results.size() == requests.size());
    for (std::size_t r = 0; r < requests.size(); ++r) {
      const ReferenceResult expected = reference.sample(requests[r]);
      INFO("trial " << trial << " row " << r);
      REQUIRE(results[r].tokens == expected.tokens);
      REQUIRE(results[r].trace == expected.trace);
      const auto forwards = static_cast<std::int64_t>(expected.trace.size()) - 1;
      REQUIRE(results[r].num_forwards == forwards * (setting.settings.cfg_scale > 0.0 ? 2 : 1));
      early_stops += results[r].is_stopped_early;
      left_masks += results[r].masks_left > 0;
      if (!is_llada) REQUIRE(results[r].masks_left == 0);
    }
  }
  CHECK(early_stops > 0);  // the settings drawn reach what they are meant to reach
  CHECK(left_masks > 0);
}

}  // namespace

TEST_CASE("DiffusionSampler gives the reference's tokens and traces as fixed_length",
          "[sampler][reference]") {
  compare_with_reference(CanvasGrowth::whole, true, 1);
}

TEST_CASE("DiffusionSampler gives the reference's tokens and traces as semi_autoregressive_padding",
          "[sampler][reference]") {
  compare_with_reference(CanvasGrowth::whole, false, 2);
}

TEST_CASE("DiffusionSampler gives the reference's tokens and traces as semi_autoregressive_origin",
          "[sampler][reference]") {
  compare_with_reference(CanvasGrowth::by_block, false, 3);
}

TEST_CASE("DiffusionSampler is bit-equal for a concrete and an erased denoiser",
          "[sampler][erased]") {
  Stream draws = Draws(4, "test").stream(Purpose::data);
  const PhiloxNoise noise(Draws(4, "sample"));
  for (int trial = 0; trial < 30; ++trial) {
    const Setting setting = random_setting(draws, CanvasGrowth::whole, false);
    const auto model = std::make_shared<FakeDenoiser>(setting.model);
    const auto requests = random_requests(draws, false);
    const auto parts =
        make_sampler_parts("test", setting.settings, kSpecial, rule(setting.remasking));
    const auto concrete = DiffusionSampler<FakeDenoiser>(parts).sample(*model, requests, noise);
    const auto erased =
        DiffusionSampler<AnyDenoiser>(parts).sample(AnyDenoiser(model), requests, noise);
    for (std::size_t r = 0; r < requests.size(); ++r)
      REQUIRE(concrete[r].tokens == erased[r].tokens);
  }
}

TEST_CASE("DiffusionSampler gives a row the same tokens alone, in any batch and in any order",
          "[sampler][batch_invariance]") {
  Stream draws = Draws(5, "test").stream(Purpose::data);
  const PhiloxNoise noise(Draws(5, "sample"));
  for (int trial = 0; trial < 100; ++trial) {
    Setting setting = random_setting(
        draws, trial % 2 ? CanvasGrowth::whole : CanvasGrowth::by_block, trial % 3 == 0);
    const FakeDenoiser model(setting.model);
    const auto requests = random_requests(draws, false);
    const auto sample = [&](std::int64_t batch_size, std::vector<SampleRequest> asked) {
      setting.settings.batch_size = batch_size;
      const DiffusionSampler<FakeDenoiser> sampler(
          make_sampler_parts("test", setting.settings, kSpecial, rule(setting.remasking)));
      return sampler.sample(model, asked, noise);
    };
    auto reversed = requests;
    std::ranges::reverse(reversed);
    const auto small = sample(1, requests), large = sample(64, requests);
    const auto backwards = sample(3, reversed);
    for (std::size_t r = 0; r < requests.size(); ++r) {
      REQUIRE(small[r].tokens == large[r].tokens);
      REQUIRE(small[r].tokens == backwards[requests.size() - 1 - r].tokens);
      REQUIRE(small[r].tokens == sample(1, {requests[r]})[0].tokens);
    }
  }
}

TEST_CASE("DiffusionSampler stops early without changing the tokens up to the first end of text",
          "[sampler][stop]") {
  Stream draws = Draws(6, "test").stream(Purpose::data);
  const PhiloxNoise noise(Draws(6, "sample"));
  std::int64_t saved = 0;
  for (int trial = 0; trial < 100; ++trial) {
    Setting setting = random_setting(
        draws, trial % 2 ? CanvasGrowth::whole : CanvasGrowth::by_block, trial % 3 == 0);
    setting.settings.suppress_end_of_text = false;
    setting.model.favoured = kSpecial.end_of_text;
    setting.model.favour = 3.0;
    const FakeDenoiser model(setting.model);
    const auto requests = random_requests(draws, false);
    const auto sample = [&](bool stops) {
      setting.settings.stop_at_end_of_text = stops;
      return DiffusionSampler<FakeDenoiser>(
                 make_sampler_parts("test", setting.settings, kSpecial, rule(setting.remasking)))
          .sample(model, requests, noise);
    };
    const auto stopped = sample(true), full = sample(false);
    for (std::size_t r = 0; r < requests.size(); ++r) {
      saved += full[r].num_forwards - stopped[r].num_forwards;
      bool is_tail = false;
      for (std::size_t i = 0; i < full[r].tokens.size(); ++i) {
        const std::int64_t expected = is_tail ? kSpecial.end_of_text : full[r].tokens[i];
        if (full[r].masks_left == 0) REQUIRE(stopped[r].tokens[i] == expected);
        is_tail |= full[r].tokens[i] == kSpecial.end_of_text;
      }
    }
  }
  CHECK(saved > 0);
}

TEST_CASE("DiffusionSampler evaluates open rows only and reads the head at candidates only",
          "[sampler][frugal]") {
  const FakeDenoiser model({});
  const PhiloxNoise noise(Draws(7, "sample"));
  const std::vector<SampleRequest> requests{{.prompt = {1, 2, 3}, .row = 0},
                                            {.prompt = {4}, .row = 1}};
  SamplerSettings settings{
      .response_length = 8, .block_length = 4, .steps = 4, .stop_at_end_of_text = false};
  const auto run = [&] {
    model.num_calls = model.num_sequences = model.num_logit_rows = 0;
    (void)DiffusionSampler<FakeDenoiser>(
        make_sampler_parts("test", settings, kSpecial, rule("low_confidence")))
        .sample(model, requests, noise);
  };
  run();
  CHECK(model.num_calls == 4);
  CHECK(model.num_sequences == 8);
  CHECK(model.num_logit_rows ==
        2 * 2 * (4 + 2));  // rows x blocks x masks of the block, step by step
  settings.steps = 40;     // 20 steps for 4 masks: 16 reveal nothing
  run();
  CHECK(model.num_calls == 8);
  settings.compat = SamplerCompat::llada;
  run();
  CHECK(model.num_calls == 40);
  settings = {.response_length = 8,
              .block_length = 8,
              .steps = 1,
              .stop_at_end_of_text = false,
              .batch_size = 1};
  run();
  CHECK(model.num_calls == 2);
}

TEST_CASE("DiffusionSampler refuses prompts that cannot be meant", "[sampler][error]") {
  const FakeDenoiser model({});
  const PhiloxNoise noise(Draws(8, "sample"));
  const DiffusionSampler<FakeDenoiser> sampler(make_sampler_parts(
      "test", {.response_length = 4, .block_length = 4, .steps = 4}, kSpecial, rule("random")));
  const auto error_of = [&](const SampleRequest& request) -> std::string {
    try {
      (void)sampler.sample(model, std::vector{request}, noise);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  CHECK(error_of({.prompt = {1, 12}, .row = 3}) ==
        "sampler: prompt of row 3 holds the mask token 12 at position 1\n"
        "  legal: clean tokens; compat = \"llada\" fills masks of the prompt");
  CHECK(error_of({.prompt = {13}, .row = 3}) ==
        "sampler: prompt of row 3: token 13 at position 0 is outside the vocabulary\n  legal: 0 to "
        "12");
  CHECK(error_of({.prompt = {1, 2}, .row = 3, .visible = {true}}) ==
        "sampler: prompt of row 3: visible must have one flag for each of the 2 tokens, got 1");
  CHECK(error_of({.prompt = {}, .row = 3}).empty());
}

namespace {
struct ShortRule {
  std::vector<double> confidence(std::span<const Candidate>, Stream&) const { return {1.0}; }
};
// Trusts what has a close runner-up least; sees all figures because it does not say which it reads.
struct Margin {
  std::vector<double> confidence(std::span<const Candidate> candidates, Stream&) const {
    std::vector<double> out;
    for (const Candidate& c : candidates) {
      if (!(c.second_probability <= c.probability && c.entropy >= 0.0)) throw Error("no figures");
      out.push_back(c.probability - c.second_probability);
    }
    return out;
  }
};
}  // namespace

TEST_CASE("DiffusionSampler takes any commit rule and refuses one that answers too little",
          "[sampler][commit_rule]") {
  const FakeDenoiser model({});
  const PhiloxNoise noise(Draws(9, "sample"));
  const std::vector<SampleRequest> requests{{.prompt = {1, 2, 3}, .row = 0}};
  const auto sample = [&](AnyCommitRule order) {
    return DiffusionSampler<FakeDenoiser>(
               make_sampler_parts("test", {.response_length = 12, .block_length = 12, .steps = 6},
                                  kSpecial, std::move(order)))
        .sample(model, requests, noise);
  };
  CHECK(sample(AnyCommitRule(Margin()))[0].masks_left == 0);
  CHECK(sample(AnyCommitRule(Margin()))[0].tokens != sample(rule("random"))[0].tokens);
  CHECK_THROWS_AS(sample(AnyCommitRule(ShortRule())), ShapeError);
}
