// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "lldm/config/component_ref.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/sampler/diffusion_sampler.hpp"
#include "lldm/sampler/options.hpp"

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
  /// ConfigError naming every wrong key, its value and what is legal, all at once; `sampler` is the
  /// name that messages begin with.
  SamplerComponent(std::string_view sampler, const SamplerSettings& settings,
                   const SpecialTokens& special, const Draws& draws, AnyCommitRule order);
  /// Also ConfigError if the services have no tokenizer yet.
  SamplerComponent(std::string_view sampler, const SamplerSettings& settings,
                   const ComponentRef<Role::remasking>& order, const Services& services);

 private:
  DiffusionSampler<AnyDenoiser> sampler_;
  Draws draws_;
};

}  // namespace lldm
