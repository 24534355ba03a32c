// SPDX-License-Identifier: MIT
#include <limits>

#include "lldm/errors.hpp"
#include "lldm/sampler/parts.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "support/catch.hpp"

using namespace lldm;

namespace {
const SpecialTokens kSpecial{.mask = 9, .end_of_text = 7, .end_of_turn = 8};

std::string error_of(const SamplerSettings& settings, const SpecialTokens& special = kSpecial) {
  try {
    (void)make_sampler_parts("test", settings, special, AnyCommitRule(LowConfidence()));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("make_sampler_parts accepts more steps than tokens", "[sampler][parts]") {
  CHECK(error_of({.response_length = 16, .block_length = 8, .steps = 22}).empty());
}

TEST_CASE("make_sampler_parts names the divisors when blocks do not fit", "[sampler][parts]") {
  CHECK(error_of({.response_length = 12, .block_length = 5, .steps = 12}) ==
        "sampler \"test\": response_length = 12 is not a multiple of block_length = 5\n"
        "  legal block_length: 1, 2, 3, 4, 6, 12");
}

TEST_CASE("make_sampler_parts names legal steps when they do not divide", "[sampler][parts]") {
  CHECK(
      error_of({.response_length = 12, .block_length = 3, .steps = 10}) ==
      "sampler \"test\": steps = 10 cannot be shared equally by the 4 blocks of response_length = "
      "12 and block_length = 3\n  legal steps: 4, 8, 12, ...");
}

TEST_CASE("make_sampler_parts reports every wrong key at once", "[sampler][parts]") {
  const std::string text = error_of({.response_length = 0,
                                     .block_length = 4,
                                     .steps = -1,
                                     .temperature = -0.5,
                                     .cfg_scale = std::numeric_limits<double>::infinity(),
                                     .suppress_end_of_text = true,
                                     .batch_size = 0},
                                    SpecialTokens{});
  for (const char* part :
       {"response_length = 0 is out of range\n  legal: 1 to 2147483648",
        "steps = -1 is out of range", "batch_size = 0 is out of range",
        "temperature = -0.5 is out of range\n  legal: finite, 0 or more",
        "cfg_scale = inf is out of range", "the tokenizer has no mask token",
        "suppress_end_of_text = true, but the tokenizer has no end-of-text token\n"
        "  legal: suppress_end_of_text = false, or a tokenizer with special token \"end_of_text\"",
        "stop_at_end_of_text = true, but the tokenizer has no end-of-text token"})
    CHECK(contains(text, part));
}

TEST_CASE("make_sampler_parts refuses a discount that compat makes do nothing",
          "[sampler][parts]") {
  SamplerSettings settings{.temperature = 0.5, .discount_end_of_text = true};
  const SpecialTokens no_turn{.mask = 9, .end_of_text = 7};
  CHECK(error_of(settings, no_turn).empty());
  settings.compat = SamplerCompat::llada;
  CHECK(contains(error_of(settings, no_turn), "discount_end_of_text = true does nothing"));
  settings.temperature = 0.0;
  CHECK(error_of(settings, no_turn).empty());
}

TEST_CASE("make_sampler_parts turns compat into the tokens it concerns", "[sampler][parts]") {
  const auto parts = [](SamplerCompat compat, double temperature) {
    return make_sampler_parts("test",
                              {.temperature = temperature,
                               .suppress_end_of_text = true,
                               .discount_end_of_text = true,
                               .compat = compat},
                              kSpecial, AnyCommitRule(LowConfidence()));
  };
  using Tokens = std::vector<std::int64_t>;
  CHECK(parts(SamplerCompat::none, 0.5).choice.never_chosen == Tokens{9, 7});
  CHECK(parts(SamplerCompat::none, 0.5).choice.discounted == Tokens{7, 8});
  CHECK(parts(SamplerCompat::llada, 0.0).choice.never_chosen == Tokens{7});
  CHECK(parts(SamplerCompat::llada, 0.0).choice.discounted == Tokens{7, 8});
  CHECK(parts(SamplerCompat::llada, 0.5).choice.discounted == Tokens{8});
}
