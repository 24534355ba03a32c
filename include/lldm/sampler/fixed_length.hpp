// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/sampler.hpp"
#include "lldm/sampler/component_base.hpp"

namespace lldm {

/// The whole answer at once: one block of masks, revealed in the order of the commit rule.
/// Source  LLaDA generate.py with block_length = gen_length ("pure diffusion").
class FixedLength : public SamplerComponent {
 public:
  using Options = SamplerOptions;
  static constexpr std::string_view name() { return "fixed_length"; }
  static constexpr std::string_view description() {
    return "all of the answer is one block, revealed in any order";
  }

  /// Errors  ConfigError naming every wrong key, its value and what is legal, all at once.
  FixedLength(const Options& options, const Services& services);
  /// For embedding without Services; the key `remasking` is not read, `order` is the rule.
  FixedLength(const Options& options, const SpecialTokens& special, const Draws& draws,
              AnyCommitRule order);
};
static_assert(Component<FixedLength> && Sampler<FixedLength>);

}  // namespace lldm
