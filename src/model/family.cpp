// SPDX-License-Identifier: MIT
#include "model/family.hpp"

#include <array>

#include "lldm/errors.hpp"
#include "lldm/text/nearest_name.hpp"

namespace lldm {

std::span<const Family* const> families() {
  static const std::array<const Family*, 6> list = {&llada_family(), &smdm_family(),
                                                    &dream_family(), &qwen2_family(),
                                                    &qwen3_family(), &llama_family()};
  return list;
}

const Family& family_of(std::string_view name) {
  for (const Family* family : families())
    if (family->name == name) return *family;
  std::string list;
  for (const auto& known : family_names()) list += (list.empty() ? "" : ", ") + known;
  throw ConfigError(message("[model] family = \"", name, "\" does not exist\n  families: ", list));
}

std::vector<std::string> family_names() {
  std::vector<std::string> names;
  for (const Family* family : families()) names.emplace_back(family->name);
  return names;
}

std::string generation_config_json(const TransformerConfig& config) {
  if (!family_of(config.family).wants_generation_config) return "";
  nlohmann::json values = {{"_from_model_config", true}};
  if (config.mask_token) values["mask_token_id"] = *config.mask_token;
  if (config.end_of_text_token) values["eos_token_id"] = *config.end_of_text_token;
  if (config.padding_token) values["pad_token_id"] = *config.padding_token;
  return values.dump(2) + "\n";
}

TransformerConfig family_defaults(std::string_view family) { return family_of(family).defaults; }

}  // namespace lldm
