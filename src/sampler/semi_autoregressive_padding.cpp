// SPDX-License-Identifier: MIT
#include "lldm/sampler/semi_autoregressive_padding.hpp"

namespace lldm {

SemiAutoregressivePadding::SemiAutoregressivePadding(const Options& options,
                                                     const SpecialTokens& special,
                                                     const Draws& draws, AnyCommitRule order)
    : SamplerComponent(name(), settings_of(options, CanvasGrowth::whole), special, draws,
                       std::move(order)) {}

SemiAutoregressivePadding::SemiAutoregressivePadding(const Options& options,
                                                     const Services& services)
    : SamplerComponent(name(), settings_of(options, CanvasGrowth::whole),
                       options.common.commit.remasking, services) {}

}  // namespace lldm
