// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/sampler.hpp"
#include "lldm/sampler/component_base.hpp"

namespace lldm {

/// The whole answer at once: one block of masks, revealed in the order of the commit rule.
/// Source  LLaDA generate.py with block_length = gen_length ("pure diffusion").
class FixedLength : public SamplerComponent {
 public:
  struct Options {
    std::int64_t response_length = 128;
    std::int64_t steps = 128;
    double temperature = 0.0;
    ComponentRef<Role::remasking> remasking = "low_confidence";
    double cfg_scale = 0.0;
    bool suppress_end_of_text = false;
    bool discount_end_of_text = false;
    bool stop_at_end_of_text = true;
    SamplerCompat compat = SamplerCompat::none;
    std::int64_t batch_size = 64;
    static constexpr auto describe() { return common_sampler_fields<Options>(); }
  };
  static constexpr std::string_view name() { return "fixed_length"; }
  static constexpr std::string_view description() {
    return "all of the answer is one block, revealed in any order";
  }

  /// Errors  ConfigError naming every wrong key, its value and what is legal, all at once.
  FixedLength(const Options& options, const Services& services);
  /// For embedding without Services; `options.remasking` is not read, `order` is the rule.
  FixedLength(const Options& options, const SpecialTokens& special, const Draws& draws,
              AnyCommitRule order);
};
static_assert(Component<FixedLength> && Sampler<FixedLength>);

}  // namespace lldm
