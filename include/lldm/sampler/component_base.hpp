// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <tuple>
#include <vector>

#include "lldm/config/component_ref.hpp"
#include "lldm/config/field.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/sampler/diffusion_sampler.hpp"

namespace lldm {

struct Services;

/// What the three LLaDA samplers share once their settings are parts: the loop and the draws.
class SamplerComponent {
 public:
  [[nodiscard]] std::vector<SampledText> sample(const AnyDenoiser& denoiser,
                                                std::span<const SampleRequest> requests,
                                                Trace trace = Trace::none) const {
    return sampler_.sample(denoiser, requests, PhiloxNoise(draws_), trace);
  }
  [[nodiscard]] std::int64_t response_length() const {
    return sampler_.parts().canvas.response_length;
  }
  /// The same sampler in parts, for another denoiser type or noise source.
  [[nodiscard]] const SamplerParts& parts() const { return sampler_.parts(); }

 protected:
  SamplerComponent(SamplerParts parts, const Draws& draws)
      : sampler_(std::move(parts)), draws_(draws) {}
  /// ConfigError if the services have no tokenizer yet.
  static const SpecialTokens& special_tokens(std::string_view sampler, const Services& services);

 private:
  DiffusionSampler<AnyDenoiser> sampler_;
  Draws draws_;
};

/// The keys that every LLaDA sampler has, for its `describe()`.
template <class O>
constexpr auto common_sampler_fields() {
  return std::tuple{
      field("response_length", &O::response_length, "Length of the answer canvas.")
          .at_least(1)
          .unit("tokens"),
      field(
          "steps", &O::steps,
          "Steps over all blocks, a multiple of their number. More than response_length is legal: "
          "the steps that reveal nothing are skipped.")
          .range(1, 1 << 24),
      field("temperature", &O::temperature,
            "Of the Gumbel noise on the token choice; 0 takes the most likely token. The order of "
            "commitment always looks at the untempered distribution.")
          .at_least(0),
      field("remasking", &O::remasking,
            "Commit rule: low_confidence, random, or the name of a plugin's rule."),
      field("cfg_scale", &O::cfg_scale,
            "Classifier-free guidance: un + (scale + 1) (cond - un); 0 is off, more than 0 doubles "
            "the work.")
          .at_least(0),
      field("suppress_end_of_text", &O::suppress_end_of_text,
            "End-of-text is never chosen (LLaDA's logits_eos_inf)."),
      field("discount_end_of_text", &O::discount_end_of_text,
            "End-of-text and end-of-turn may be chosen, but have confidence 0 (LLaDA's "
            "confidence_eos_eot_inf)."),
      field("stop_at_end_of_text", &O::stop_at_end_of_text,
            "Once an end-of-text is committed and no mask is left before it, fill the tail with "
            "end-of-text and stop. Tokens up to the first end-of-text stay the same; the tail does "
            "not."),
      field("compat", &O::compat,
            "none, or llada: the habits of LLaDA's generate.py, token for token (the mask may be "
            "chosen; steps without quota run; see docs)."),
      field("batch_size", &O::batch_size, "Rows evaluated together; results do not depend on it.")
          .at_least(1)
          .unit("rows"),
  };
}

/// Copies the keys of `common_sampler_fields` into settings.
template <class O>
SamplerSettings common_sampler_settings(const O& options) {
  SamplerSettings out;
  out.response_length = options.response_length;
  out.block_length = options.response_length;
  out.steps = options.steps;
  out.temperature = options.temperature;
  out.cfg_scale = options.cfg_scale;
  out.suppress_end_of_text = options.suppress_end_of_text;
  out.discount_end_of_text = options.discount_end_of_text;
  out.stop_at_end_of_text = options.stop_at_end_of_text;
  out.compat = options.compat;
  out.batch_size = options.batch_size;
  return out;
}

}  // namespace lldm
