// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "lldm/concepts/any_commit_rule.hpp"
#include "lldm/concepts/canvas.hpp"
#include "lldm/concepts/tokenizer.hpp"
#include "lldm/config/field.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/sampler/guidance.hpp"
#include "lldm/sampler/stop.hpp"
#include "lldm/sampler/token_choice.hpp"

namespace lldm {

/// Whose habits a sampler keeps.
enum class SamplerCompat {
  /// Every position gets a real token: the mask is never chosen; discount_end_of_text works at
  /// every temperature; steps that reveal nothing are skipped; a prompt that holds the mask token
  /// is refused.
  none,
  /// LLaDA's generate.py token for token and forward for forward: the mask may be chosen and the
  /// position stays open for later blocks; at temperature > 0 discount_end_of_text reaches only the
  /// end-of-turn token; steps without quota run their forward; masks in the prompt are candidates.
  llada,
};
constexpr auto choices(std::type_identity<SamplerCompat>) {
  return std::array{Choice<SamplerCompat>{"none", SamplerCompat::none},
                    Choice<SamplerCompat>{"llada", SamplerCompat::llada}};
}

/// Settings that all samplers share with LLaDA's, before they are checked.
struct SamplerSettings {
  CanvasGrowth growth = CanvasGrowth::whole;
  std::int64_t response_length = 128;
  std::int64_t block_length = 128;
  std::int64_t steps = 128;
  double temperature = 0.0;
  double cfg_scale = 0.0;
  bool suppress_end_of_text = false;
  bool discount_end_of_text = false;
  bool stop_at_end_of_text = true;
  SamplerCompat compat = SamplerCompat::none;
  std::int64_t batch_size = 64;
};

/// A sampler taken apart: one value for each border of canvas x order x commit x stop x guidance
/// (the borders revise and cache have only their empty member yet and no field).
struct SamplerParts {
  Canvas canvas;
  std::int64_t steps_per_block;
  AnyCommitRule order;
  TokenChoice choice;
  Guidance guidance;
  Stop stop;
  std::int64_t mask;
  bool keeps_open_masks;  // masks left of the block, and of the prompt, stay candidates
  bool runs_idle_steps;   // a step that reveals nothing still runs its forward
  std::int64_t batch_size;
};

/// Reports the conditions between keys (blocks and steps that do not fit) where the file is
/// validated.
void check_sampler_settings(const SamplerSettings& settings, config::OptionsCheck& check);

/// Checks the settings and turns them into parts.
///
/// Errors  ConfigError that names every wrong key with its value and what would be legal, all at
///         once; `sampler` is the name the messages begin with.
[[nodiscard]] SamplerParts make_sampler_parts(std::string_view sampler,
                                              const SamplerSettings& settings,
                                              const SpecialTokens& special, AnyCommitRule order);

}  // namespace lldm
