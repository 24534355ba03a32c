// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/sampler.hpp"
#include "lldm/sampler/component_base.hpp"

namespace lldm {

/// Block by block from the left; the blocks behind the current one are there as masks, and the
/// model sees them.
///
/// Source  LLaDA generate.py with block_length < gen_length; Nie et al. 2025, arXiv:2502.09992.
class SemiAutoregressivePadding : public SamplerComponent {
 public:
  using Options = BlockSamplerOptions;
  static constexpr std::string_view name() { return "semi_autoregressive_padding"; }
  static constexpr std::string_view description() {
    return "block by block from the left; later blocks are visible masks";
  }

  /// Errors  ConfigError naming every wrong key, its value and what is legal, all at once.
  SemiAutoregressivePadding(const Options& options, const Services& services);
  /// For embedding without Services; the key `remasking` is not read, `order` is the rule.
  SemiAutoregressivePadding(const Options& options, const SpecialTokens& special,
                            const Draws& draws, AnyCommitRule order);
};
static_assert(Component<SemiAutoregressivePadding> && Sampler<SemiAutoregressivePadding>);

}  // namespace lldm
