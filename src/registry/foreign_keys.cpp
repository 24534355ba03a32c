// SPDX-License-Identifier: MIT
#include "registry/foreign_keys.hpp"

#include <array>
#include <utility>

namespace lldm {

std::string_view foreign_key_hint(std::string_view key) {
  // TRL's names for preference training.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 9> hints{{
      {"use_weighting",
       "WPO's weights need the sum of squared probabilities over the vocabulary at every scored "
       "token; a score reads the probability of the true token alone, so they are not offered"},
      {"loss_type", "the loss is the objective's `type`: objective = { type = \"dpo\" }"},
      {"loss_weights",
       "a weighted sum is written terms = [{ type = \"dpo\" }, { type = \"sft\", weight = 0.05 }]"},
      {"f_divergence_type", "write f_divergence = { type = \"js_divergence\" }"},
      {"f_alpha_divergence_coef",
       "write f_divergence = { type = \"alpha_divergence\", alpha = 0.5 }"},
      {"discopop_tau", "discopop calls it `temperature`"},
      {"simpo_gamma", "simpo calls it `margin`"},
      {"cpo_alpha", "cpo, simpo and orpo call it `sft_weight`"},
      {"reference_free", "losses without a reference have names of their own: cpo, simpo, orpo"},
  }};
  for (const auto& [name, hint] : hints)
    if (name == key) return hint;
  return "";
}

}  // namespace lldm
