// SPDX-License-Identifier: MIT
#include "lldm/sampler/parts.hpp"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

class Problems {
 public:
  explicit Problems(std::string_view sampler) : sampler_(sampler) {}

  template <class... Parts>
  void add(const Parts&... parts) {
    text_ += message(text_.empty() ? "" : "\n", "sampler \"", sampler_, "\": ", parts...);
  }
  [[nodiscard]] bool empty() const { return text_.empty(); }
  void raise() const {
    if (!empty()) throw ConfigError(text_);
  }

 private:
  std::string_view sampler_;
  std::string text_;
};

std::string divisors(std::int64_t number) {
  std::string out;
  for (std::int64_t d = 1; d <= number; ++d)
    if (number % d == 0) out += message(out.empty() ? "" : ", ", d);
  return out;
}

void check_ranges(const SamplerSettings& s, Problems& problems) {
  const auto at_least_one = [&](std::string_view key, std::int64_t value) {
    if (value < 1) problems.add(key, " = ", value, " is out of range\n  legal: 1 or more");
  };
  at_least_one("response_length", s.response_length);
  at_least_one("block_length", s.block_length);
  at_least_one("steps", s.steps);
  at_least_one("batch_size", s.batch_size);
  const auto not_negative = [&](std::string_view key, double value) {
    if (!(value >= 0.0) || std::isinf(value))
      problems.add(key, " = ", value, " is out of range\n  legal: finite, 0 or more");
  };
  not_negative("temperature", s.temperature);
  not_negative("cfg_scale", s.cfg_scale);
}

void check_blocks(const SamplerSettings& s, Problems& problems) {
  if (s.response_length < 1 || s.block_length < 1) return;
  if (s.response_length % s.block_length != 0) {
    problems.add("response_length = ", s.response_length,
                 " is not a multiple of block_length = ", s.block_length,
                 "\n  legal block_length: ", divisors(s.response_length));
    return;
  }
  const std::int64_t blocks = s.response_length / s.block_length;
  if (s.steps >= 1 && s.steps % blocks != 0)
    problems.add("steps = ", s.steps, " cannot be shared equally by the ", blocks,
                 " blocks of response_length = ", s.response_length,
                 " and block_length = ", s.block_length, "\n  legal steps: ", blocks, ", ",
                 2 * blocks, ", ", 3 * blocks, ", ...");
}

void check_tokens(const SamplerSettings& s, const SpecialTokens& special, Problems& problems) {
  if (special.mask < 0)
    problems.add(
        "the tokenizer has no mask token\n  legal: a tokenizer with special token \"mask\"");
  const auto needs_end = [&](std::string_view key, bool is_on) {
    if (is_on && special.end_of_text < 0)
      problems.add(key, " = true, but the tokenizer has no end-of-text token\n  legal: ", key,
                   " = false, or a tokenizer with special token \"end_of_text\"");
  };
  needs_end("suppress_end_of_text", s.suppress_end_of_text);
  needs_end("discount_end_of_text", s.discount_end_of_text);
  needs_end("stop_at_end_of_text", s.stop_at_end_of_text);
  if (s.discount_end_of_text && s.compat == SamplerCompat::llada && s.temperature > 0.0 &&
      special.end_of_turn < 0)
    problems.add(
        "discount_end_of_text = true does nothing with compat = \"llada\" at temperature = ",
        s.temperature, ": it reaches only the end-of-turn token, and the tokenizer has none",
        "\n  legal: compat = \"none\", temperature = 0, or discount_end_of_text = false");
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

SamplerParts make_sampler_parts(std::string_view sampler, const SamplerSettings& settings,
                                const SpecialTokens& special, AnyCommitRule order) {
  Problems problems(sampler);
  check_ranges(settings, problems);
  check_blocks(settings, problems);
  check_tokens(settings, special, problems);
  problems.raise();

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
