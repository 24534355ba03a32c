// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/sampler.hpp"
#include "lldm/sampler/component_base.hpp"

namespace lldm {

/// Block by block from the left on a canvas that grows: the model never sees a block behind the
/// current one.
///
/// Source  Nie et al. 2025, arXiv:2502.09992 ("semi-autoregressive-origin").
class SemiAutoregressiveOrigin : public SamplerComponent {
 public:
  using Options = BlockSamplerOptions;
  static constexpr std::string_view name() { return "semi_autoregressive_origin"; }
  static constexpr std::string_view description() {
    return "block by block from the left; the canvas grows with each block";
  }

  /// Errors  ConfigError naming every wrong key, its value and what is legal, all at once.
  SemiAutoregressiveOrigin(const Options& options, const Services& services);
  /// For embedding without Services; the key `remasking` is not read, `order` is the rule.
  SemiAutoregressiveOrigin(const Options& options, const SpecialTokens& special, const Draws& draws,
                           AnyCommitRule order);
};
static_assert(Component<SemiAutoregressiveOrigin> && Sampler<SemiAutoregressiveOrigin>);

}  // namespace lldm
