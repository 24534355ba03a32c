// SPDX-License-Identifier: MIT
#include "lldm/sampler/component_base.hpp"

#include "lldm/errors.hpp"
#include "lldm/sampler/remasking/low_confidence.hpp"
#include "lldm/sampler/remasking/random.hpp"
#include "lldm/services.hpp"

namespace lldm {

AnyCommitRule make_commit_rule(std::string_view name, const Services& /*services*/) {
  if (name == LowConfidence::name()) return AnyCommitRule(LowConfidence());
  if (name == RandomOrder::name()) return AnyCommitRule(RandomOrder());
  throw ConfigError(message("no remasking is named \"", name,
                            "\"\n  remasking: ", LowConfidence::name(), ", ", RandomOrder::name()));
}

const SpecialTokens& SamplerComponent::special_tokens(std::string_view sampler,
                                                      const Services& services) {
  if (!services.tokenizer)
    throw ConfigError(message("sampler \"", sampler, "\": the stage has no tokenizer"));
  return services.tokenizer->special();
}

}  // namespace lldm
