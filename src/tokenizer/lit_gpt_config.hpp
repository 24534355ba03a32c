// SPDX-License-Identifier: MIT
// lit_gpt.Config, whose keys stand in the config.json of an SMDM folder: its checkpoints have none.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace lldm {

/// What the names of SMDM's published configurations begin with: "Diff_LLaMA_1028M".
inline constexpr std::string_view kSmdmName = "Diff_LLaMA_";

/// Whether its "name" is a published configuration's, which says all sizes.
inline bool is_named_smdm(const nlohmann::json& config) {
  const auto name = config.find("name");
  return name != config.end() && name->is_string() &&
         name->get_ref<const std::string&>().starts_with(kSmdmName);
}

/// Whether a config.json that names no family is SMDM's, by its keys.
inline bool has_lit_gpt_keys(const nlohmann::json& config) {
  return (config.contains("n_embd") && config.contains("_mlp_class")) || is_named_smdm(config);
}

/// Whether it says that it is SMDM's, or names no family and has such keys.
inline bool is_smdm_config(const nlohmann::json& config) {
  const auto type = config.find("model_type");
  if (type != config.end() && !type->is_null()) return *type == "smdm";
  return !config.contains("architectures") && has_lit_gpt_keys(config);
}

/// Rows with a logit: `vocabulary` filled up to a multiple (lit_gpt.Config: padded_vocab_size).
constexpr std::int64_t padded_vocabulary(std::int64_t vocabulary, std::int64_t multiple) {
  return (vocabulary + multiple - 1) / multiple * multiple;
}
/// Of the published configurations.
inline constexpr std::int64_t kSmdmVocabulary = 32000, kSmdmMultiple = 64;
/// Of lit_gpt.Config.
inline constexpr std::int64_t kLitGptMultiple = 512;

}  // namespace lldm
