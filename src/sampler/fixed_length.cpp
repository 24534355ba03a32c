// SPDX-License-Identifier: MIT
#include "lldm/sampler/fixed_length.hpp"

#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

SamplerSettings settings(const FixedLength::Options& options) {
  SamplerSettings out = common_sampler_settings(options);
  out.growth = CanvasGrowth::whole;
  return out;
}

}  // namespace

FixedLength::FixedLength(const Options& options, const SpecialTokens& special, const Draws& draws,
                         AnyCommitRule order)
    : SamplerComponent(make_sampler_parts(name(), settings(options), special, std::move(order)),
                       draws) {}

FixedLength::FixedLength(const Options& options, const Services& services)
    : FixedLength(options, special_tokens(name(), services), services.draws,
                  services.registry.make<AnyCommitRule>(options.remasking, services)) {}

}  // namespace lldm
