// SPDX-License-Identifier: MIT
#include "lldm/sampler/component_base.hpp"

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

const SpecialTokens& special_tokens(std::string_view sampler, const Services& services) {
  if (!services.tokenizer)
    throw ConfigError(message("sampler \"", sampler, "\": the stage has no tokenizer"));
  return services.tokenizer->special();
}

}  // namespace

SamplerComponent::SamplerComponent(std::string_view sampler, const SamplerSettings& settings,
                                   const SpecialTokens& special, const Draws& draws,
                                   AnyCommitRule order)
    : sampler_(make_sampler_parts(sampler, settings, special, std::move(order))), draws_(draws) {}

SamplerComponent::SamplerComponent(std::string_view sampler, const SamplerSettings& settings,
                                   const ComponentRef<Role::remasking>& order,
                                   const Services& services)
    : SamplerComponent(sampler, settings, special_tokens(sampler, services), services.draws,
                       services.registry.make<AnyCommitRule>(order, services)) {}

}  // namespace lldm
