// SPDX-License-Identifier: MIT
#include "lldm/sampler/semi_autoregressive_origin.hpp"

#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

SamplerSettings settings(const SemiAutoregressiveOrigin::Options& options) {
  SamplerSettings out = common_sampler_settings(options);
  out.growth = CanvasGrowth::by_block;
  out.block_length = options.block_length;
  return out;
}

}  // namespace

void SemiAutoregressiveOrigin::Options::check(config::OptionsCheck& check) const {
  check_sampler_settings(settings(*this), check);
}

SemiAutoregressiveOrigin::SemiAutoregressiveOrigin(const Options& options,
                                                   const SpecialTokens& special, const Draws& draws,
                                                   AnyCommitRule order)
    : SamplerComponent(make_sampler_parts(name(), settings(options), special, std::move(order)),
                       draws) {}

SemiAutoregressiveOrigin::SemiAutoregressiveOrigin(const Options& options, const Services& services)
    : SemiAutoregressiveOrigin(options, special_tokens(name(), services), services.draws,
                               services.registry.make<AnyCommitRule>(options.remasking, services)) {
}

}  // namespace lldm
