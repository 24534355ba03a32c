// SPDX-License-Identifier: MIT
#include "lldm/sampler/semi_autoregressive_origin.hpp"

namespace lldm {

SemiAutoregressiveOrigin::SemiAutoregressiveOrigin(const Options& options,
                                                   const SpecialTokens& special, const Draws& draws,
                                                   AnyCommitRule order)
    : SamplerComponent(name(), settings_of(options, CanvasGrowth::by_block), special, draws,
                       std::move(order)) {}

SemiAutoregressiveOrigin::SemiAutoregressiveOrigin(const Options& options, const Services& services)
    : SamplerComponent(name(), settings_of(options, CanvasGrowth::by_block),
                       options.common.commit.remasking, services) {}

}  // namespace lldm
