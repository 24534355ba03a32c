// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <tuple>

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
    std::int64_t block_length = 32;
    static constexpr auto describe() {
      return std::tuple_cat(common_sampler_fields<Options>(),
                            std::tuple{field("block_length", &Options::block_length,
                                             "Length of a block, a divisor of response_length.")
                                           .at_least(1)
                                           .unit("tokens")});
    }
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "semi_autoregressive_padding"; }
  static constexpr std::string_view description() {
    return "block by block from the left; later blocks are visible masks";
  }

  /// Errors  ConfigError naming every wrong key, its value and what is legal, all at once.
  SemiAutoregressivePadding(const Options& options, const Services& services);
  /// For embedding without Services; `options.remasking` is not read, `order` is the rule.
  SemiAutoregressivePadding(const Options& options, const SpecialTokens& special,
                            const Draws& draws, AnyCommitRule order);
};
static_assert(Component<SemiAutoregressivePadding> && Sampler<SemiAutoregressivePadding>);

}  // namespace lldm
