// SPDX-License-Identifier: MIT
#include "lldm/sampler/fixed_length.hpp"

namespace lldm {

FixedLength::FixedLength(const Options& options, const SpecialTokens& special, const Draws& draws,
                         AnyCommitRule order)
    : SamplerComponent(name(), settings_of(options), special, draws, std::move(order)) {}

FixedLength::FixedLength(const Options& options, const Services& services)
    : SamplerComponent(name(), settings_of(options), options.commit.remasking, services) {}

}  // namespace lldm
