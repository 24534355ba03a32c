// SPDX-License-Identifier: MIT
// The keys of LLaDA's samplers, one struct for each border of canvas x order x commit x stop x
// guidance; a sampler's Options are put together from them.  The borders revise and cache have only
// their empty member yet, and no keys.
#pragma once

#include <cstdint>
#include <tuple>

#include "lldm/config/component_ref.hpp"
#include "lldm/config/field.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/sampler/parts.hpp"

namespace lldm {

/// The border "canvas": where the answer is written.
struct CanvasOptions {
  std::int64_t response_length = 128;
  static constexpr auto describe() {
    return std::tuple{
        field("response_length", &CanvasOptions::response_length, "Length of the answer canvas.")
            .at_least(1)
            .unit("tokens")};
  }
};

/// The borders "commit" and "order": how many tokens a step reveals, which ones, and which first.
struct CommitOptions {
  std::int64_t steps = 128;
  double temperature = 0.0;
  ComponentRef<Role::remasking> remasking = "low_confidence";
  static constexpr auto describe() {
    return std::tuple{
        field("steps", &CommitOptions::steps,
              "Steps over all blocks, a multiple of their number. More than response_length is "
              "legal: "
              "the steps that reveal nothing are skipped.")
            .range(1, 1 << 24),
        field(
            "temperature", &CommitOptions::temperature,
            "Of the Gumbel noise on the token choice; 0 takes the most likely token. The order of "
            "commitment always looks at the untempered distribution.")
            .at_least(0),
        field("remasking", &CommitOptions::remasking,
              "Commit rule: low_confidence, random, or the name of a plugin's rule.")};
  }
};

/// The border "guidance".
struct GuidanceOptions {
  double cfg_scale = 0.0;
  static constexpr auto describe() {
    return std::tuple{
        field(
            "cfg_scale", &GuidanceOptions::cfg_scale,
            "Classifier-free guidance: un + (scale + 1) (cond - un); 0 is off, more than 0 doubles "
            "the work.")
            .at_least(0)};
  }
};

/// The border "stop": what end-of-text may do.
struct StopOptions {
  bool suppress_end_of_text = false;
  bool discount_end_of_text = false;
  bool stop_at_end_of_text = true;
  static constexpr auto describe() {
    return std::tuple{
        field("suppress_end_of_text", &StopOptions::suppress_end_of_text,
              "End-of-text is never chosen (LLaDA's logits_eos_inf)."),
        field("discount_end_of_text", &StopOptions::discount_end_of_text,
              "End-of-text and end-of-turn may be chosen, but have confidence 0 (LLaDA's "
              "confidence_eos_eot_inf)."),
        field(
            "stop_at_end_of_text", &StopOptions::stop_at_end_of_text,
            "Once an end-of-text is committed and no mask is left before it, fill the tail with "
            "end-of-text and stop. Tokens up to the first end-of-text stay the same; the tail does "
            "not.")};
  }
};

/// How the steps are run: whose habits, and how many rows at a time.
struct EvaluationOptions {
  SamplerCompat compat = SamplerCompat::none;
  std::int64_t batch_size = 64;
  static constexpr auto describe() {
    return std::tuple{
        field("compat", &EvaluationOptions::compat,
              "none, or llada: the habits of LLaDA's generate.py, token for token (the mask may be "
              "chosen; steps without quota run; see docs)."),
        field("batch_size", &EvaluationOptions::batch_size,
              "Rows evaluated together; results do not depend on it.")
            .at_least(1)
            .unit("rows")};
  }
};

/// The keys that every LLaDA sampler has.
struct SamplerOptions {
  CanvasOptions canvas = {};
  CommitOptions commit = {};
  GuidanceOptions guidance = {};
  StopOptions stop = {};
  EvaluationOptions evaluation = {};
  static constexpr auto describe() {
    return std::tuple{part(&SamplerOptions::canvas), part(&SamplerOptions::commit),
                      part(&SamplerOptions::guidance), part(&SamplerOptions::stop),
                      part(&SamplerOptions::evaluation)};
  }
};

/// Those of a sampler that writes block after block.
struct BlockSamplerOptions {
  SamplerOptions common = {};
  std::int64_t block_length = 32;
  static constexpr auto describe() {
    return std::tuple{part(&BlockSamplerOptions::common),
                      field("block_length", &BlockSamplerOptions::block_length,
                            "Length of a block, a divisor of response_length.")
                          .at_least(1)
                          .unit("tokens")};
  }
  /// Blocks and steps that do not fit.
  void check(config::OptionsCheck& check) const;
};

/// What `make_sampler_parts` checks and turns into parts.
[[nodiscard]] SamplerSettings settings_of(const SamplerOptions& options);
[[nodiscard]] SamplerSettings settings_of(const BlockSamplerOptions& options, CanvasGrowth growth);

}  // namespace lldm
