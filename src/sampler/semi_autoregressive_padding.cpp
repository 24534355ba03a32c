// SPDX-License-Identifier: MIT
#include "lldm/sampler/semi_autoregressive_padding.hpp"

#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

SamplerSettings settings(const SemiAutoregressivePadding::Options& options) {
  SamplerSettings out = common_sampler_settings(options);
  out.growth = CanvasGrowth::whole;
  out.block_length = options.block_length;
  return out;
}

}  // namespace

void SemiAutoregressivePadding::Options::check(config::OptionsCheck& check) const {
  check_sampler_settings(settings(*this), check);
}

SemiAutoregressivePadding::SemiAutoregressivePadding(const Options& options,
                                                     const SpecialTokens& special,
                                                     const Draws& draws, AnyCommitRule order)
    : SamplerComponent(make_sampler_parts(name(), settings(options), special, std::move(order)),
                       draws) {}

SemiAutoregressivePadding::SemiAutoregressivePadding(const Options& options,
                                                     const Services& services)
    : SemiAutoregressivePadding(
          options, special_tokens(name(), services), services.draws,
          services.registry.make<AnyCommitRule>(options.remasking, services)) {}

}  // namespace lldm
