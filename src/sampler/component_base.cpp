// SPDX-License-Identifier: MIT
#include "lldm/sampler/component_base.hpp"

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/errors.hpp"
#include "lldm/services.hpp"

namespace lldm {

const SpecialTokens& SamplerComponent::special_tokens(std::string_view sampler,
                                                      const Services& services) {
  if (!services.tokenizer)
    throw ConfigError(message("sampler \"", sampler, "\": the stage has no tokenizer"));
  return services.tokenizer->special();
}

}  // namespace lldm
