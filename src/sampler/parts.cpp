// SPDX-License-Identifier: MIT
#include "lldm/sampler/parts.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// Where a wrong key is reported: key, what is wrong, what would be legal.
using Report =
    std::function<void(std::string_view key, const std::string& problem, const std::string& legal)>;

std::string divisors(std::int64_t number) {
  constexpr std::int64_t kMostTried = 4096;
  std::string out;
  for (std::int64_t d = 1; d <= std::min(number, kMostTried); ++d)
    if (number % d == 0) out += message(out.empty() ? "" : ", ", d);
  return number > kMostTried ? out + ", ..." : out;
}

void check_ranges(const SamplerSettings& s, const Report& report) {
  const auto from_one = [&](std::string_view key, std::int64_t value, std::int64_t most) {
    if (value < 1 || value > most)
      report(key, message(key, " = ", value, " is out of range"), message("legal: 1 to ", most));
  };
  constexpr std::int64_t kMostTokens = std::int64_t{1} << 31, kMostSteps = std::int64_t{1} << 24;
  from_one("response_length", s.response_length, kMostTokens);
  from_one("block_length", s.block_length, kMostTokens);
  from_one("steps", s.steps, kMostSteps);
  from_one("batch_size", s.batch_size, kMostTokens);
  const auto not_negative = [&](std::string_view key, double value) {
    if (!(value >= 0.0) || std::isinf(value))
      report(key, message(key, " = ", value, " is out of range"), "legal: finite, 0 or more");
  };
  not_negative("temperature", s.temperature);
  not_negative("cfg_scale", s.cfg_scale);
}

void check_blocks(const SamplerSettings& s, const Report& report) {
  if (s.response_length < 1 || s.block_length < 1) return;
  if (s.response_length % s.block_length != 0) {
    report("block_length",
           message("response_length = ", s.response_length,
                   " is not a multiple of block_length = ", s.block_length),
           message("legal block_length: ", divisors(s.response_length)));
    return;
  }
  const std::int64_t blocks = s.response_length / s.block_length;
  if (s.steps >= 1 && s.steps % blocks != 0)
    report("steps",
           message("steps = ", s.steps, " cannot be shared equally by the ", blocks,
                   " blocks of response_length = ", s.response_length,
                   " and block_length = ", s.block_length),
           message("legal steps: ", blocks, ", ", 2 * blocks, ", ", 3 * blocks, ", ..."));
}

void check_tokens(const SamplerSettings& s, const SpecialTokens& special, const Report& report) {
  if (special.mask < 0)
    report("", "the tokenizer has no mask token", "legal: a tokenizer with special token \"mask\"");
  const auto needs_end = [&](std::string_view key, bool is_on) {
    if (is_on && special.end_of_text < 0)
      report(
          key, message(key, " = true, but the tokenizer has no end-of-text token"),
          message("legal: ", key, " = false, or a tokenizer with special token \"end_of_text\""));
  };
  needs_end("suppress_end_of_text", s.suppress_end_of_text);
  needs_end("discount_end_of_text", s.discount_end_of_text);
  needs_end("stop_at_end_of_text", s.stop_at_end_of_text);
  if (s.discount_end_of_text && s.compat == SamplerCompat::llada && s.temperature > 0.0 &&
      special.end_of_turn < 0)
    report(
        "discount_end_of_text",
        message(
            "discount_end_of_text = true does nothing with compat = \"llada\" at temperature = ",
            s.temperature, ": it reaches only the end-of-turn token, and the tokenizer has none"),
        "legal: compat = \"none\", temperature = 0, or discount_end_of_text = false");
}

std::vector<std::int64_t> discounted_tokens(const SamplerSettings& s,
                                            const SpecialTokens& special) {
  std::vector<std::int64_t> out;
  if (!s.discount_end_of_text) return out;
  // generate.py writes -inf for end-of-text into the *noised* logits, which alias the plain ones
  // only at temperature 0.
  if (s.compat == SamplerCompat::none || s.temperature == 0.0) out.push_back(special.end_of_text);
  if (special.end_of_turn >= 0) out.push_back(special.end_of_turn);
  return out;
}

}  // namespace

void check_sampler_settings(const SamplerSettings& settings, config::OptionsCheck& check) {
  check_blocks(settings, [&](std::string_view key, const std::string& problem,
                             const std::string& legal) { check.error(key, problem, legal); });
}

SamplerParts make_sampler_parts(std::string_view sampler, const SamplerSettings& settings,
                                const SpecialTokens& special, AnyCommitRule order) {
  std::string problems;
  const Report collect = [&](std::string_view, const std::string& problem,
                             const std::string& legal) {
    problems += message(problems.empty() ? "" : "\n", "sampler \"", sampler, "\": ", problem,
                        "\n  ", legal);
  };
  check_ranges(settings, collect);
  check_blocks(settings, collect);
  check_tokens(settings, special, collect);
  if (!problems.empty()) throw ConfigError(problems);

  const bool is_llada = settings.compat == SamplerCompat::llada;
  TokenChoice choice{.temperature = settings.temperature,
                     .never_chosen = {},
                     .discounted = discounted_tokens(settings, special)};
  if (!is_llada) choice.never_chosen.push_back(special.mask);
  if (settings.suppress_end_of_text) choice.never_chosen.push_back(special.end_of_text);
  const Canvas canvas{settings.growth, settings.response_length, settings.block_length};
  return {.canvas = canvas,
          .steps_per_block = settings.steps / canvas.num_blocks(),
          .order = std::move(order),
          .choice = std::move(choice),
          .guidance = {settings.cfg_scale},
          .stop = {settings.stop_at_end_of_text, special.end_of_text},
          .mask = special.mask,
          .keeps_open_masks = is_llada,
          .runs_idle_steps = is_llada,
          .batch_size = settings.batch_size};
}

}  // namespace lldm
