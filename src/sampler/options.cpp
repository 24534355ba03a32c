// SPDX-License-Identifier: MIT
#include "lldm/sampler/options.hpp"

namespace lldm {

SamplerSettings settings_of(const SamplerOptions& options) {
  return {.growth = CanvasGrowth::whole,
          .response_length = options.canvas.response_length,
          .block_length = options.canvas.response_length,
          .steps = options.commit.steps,
          .temperature = options.commit.temperature,
          .cfg_scale = options.guidance.cfg_scale,
          .suppress_end_of_text = options.stop.suppress_end_of_text,
          .discount_end_of_text = options.stop.discount_end_of_text,
          .stop_at_end_of_text = options.stop.stop_at_end_of_text,
          .compat = options.evaluation.compat,
          .batch_size = options.evaluation.batch_size};
}

SamplerSettings settings_of(const BlockSamplerOptions& options, CanvasGrowth growth) {
  SamplerSettings settings = settings_of(options.common);
  settings.growth = growth;
  settings.block_length = options.block_length;
  return settings;
}

void BlockSamplerOptions::check(config::OptionsCheck& check) const {
  check_sampler_settings(settings_of(*this, CanvasGrowth::whole), check);
}

}  // namespace lldm
