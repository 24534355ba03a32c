// SPDX-License-Identifier: MIT
#include "model/adapter_config.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

using nlohmann::json;

/// Read elsewhere, or here by a rule of their own.
constexpr std::array<std::string_view, 9> kRead = {
    "peft_type",     "r",    "lora_alpha",       "lora_dropout", "use_rslora", "rank_pattern",
    "alpha_pattern", "bias", "init_lora_weights"};

/// Whatever their value, the tensors mean the same: where the adapter comes from, which modules it
/// was made for (the names of its tensors say which have one), and settings that another key
/// switches on.
constexpr std::array<std::string_view, 18> kHarmless = {"base_model_name_or_path",
                                                        "revision",
                                                        "inference_mode",
                                                        "task_type",
                                                        "peft_version",
                                                        "auto_mapping",
                                                        "target_modules",
                                                        "exclude_modules",
                                                        "layers_to_transform",
                                                        "layers_pattern",
                                                        "ensure_weight_tying",
                                                        "loftq_config",
                                                        "eva_config",
                                                        "corda_config",
                                                        "lora_ga_config",
                                                        "megatron_core",
                                                        "qalora_group_size",
                                                        "runtime_config"};

/// null, false, {}, [], "": switches nothing on.
bool is_neutral(const json& value) {
  return value.is_null() || value == json(false) || (value.is_structured() && value.empty()) ||
         value == json("");
}

std::string shown(const json& value) {
  constexpr std::size_t kMost = 60;
  std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  if (text.size() > kMost) text.replace(kMost, text.npos, " ...");
  return text;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c);
  });
  return text;
}

/// What is wrong with the start that `init_lora_weights` names, and what to do; "" if it was one of
/// the update alone.  PEFT makes the start again when it loads such an adapter, base included.
std::string start_problem(const json& start) {
  if (start.is_null() || start.is_boolean()) return "";
  const std::string name = start.is_string() ? lower(start.get<std::string>()) : "";
  for (const char* plain : {"gaussian", "eva", "orthogonal", "mica"})
    if (name == plain) return "";
  const std::string key = message("\n  \"init_lora_weights\" = ", shown(start));
  if (name == "loftq")
    return message(key,
                   ": the update belongs beside a base that LoftQ quantized, not beside this one\n"
                   "    save the sum with PEFT, model.merge_and_unload().save_pretrained(...), and "
                   "open that folder");
  for (const char* changes : {"pissa", "corda", "olora", "lora_ga"})
    if (name.starts_with(changes))
      return message(key,
                     ": this start takes its first update out of the base's weights, and the "
                     "adapter belongs beside those\n    save it with PEFT as a plain LoRA: "
                     "save_pretrained(..., path_initial_model_for_weight_conversion = the folder "
                     "of the adapter as it started)");
  return message(key, " is no start that lldm knows; known: true, false, \"gaussian\", \"eva\", ",
                 "\"orthogonal\", \"mica\"");
}

std::string number_problems(const json& config) {
  std::string complaints;
  const auto number = [&](const char* key) {
    const auto found = config.find(key);
    return found != config.end() && found->is_number() ? found->get<double>() : 0.0;
  };
  for (const char* key : {"r", "lora_alpha"})
    if (!(number(key) > 0)) complaints += message("\n  \"", key, "\" must be a positive number");
  if (number("r") > 0 && !config["r"].is_number_integer())
    complaints += message("\n  \"r\" = ", shown(config["r"]), " must be a whole number");
  for (const char* key : {"rank_pattern", "alpha_pattern"})
    if (const json value = config.value(key, json()); !is_neutral(value) && !value.is_object())
      complaints += message("\n  \"", key, "\" = ", shown(value), " must be an object");
  if (const json value = config.value("use_rslora", json(false));
      !value.is_null() && !value.is_boolean())
    complaints += message("\n  \"use_rslora\" = ", shown(value), " must be true or false");
  return complaints;
}

}  // namespace

void check_adapter_config(const json& config, const std::string& where) {
  std::string complaints;
  const auto fixed = [&](const char* key, const char* only) {
    const json given = config.value(key, json(only));
    if (given != json(only))
      complaints += message("\n  \"", key, "\" = ", shown(given),
                            " is not implemented; implemented: \"", only, "\"");
  };
  if (!config.contains("peft_type")) complaints += "\n  \"peft_type\" is missing";
  fixed("peft_type", "LORA");
  if (!is_neutral(config.value("bias", json()))) fixed("bias", "none");
  for (const auto& [key, value] : config.items()) {
    const std::string& name = key;
    const auto is_name = [&](std::string_view known) { return known == name; };
    if (std::ranges::any_of(kRead, is_name) || std::ranges::any_of(kHarmless, is_name)) continue;
    if (!is_neutral(value))
      complaints += message("\n  \"", name, "\" = ", shown(value),
                            " is not implemented; implemented: null, false or empty");
  }
  complaints += start_problem(config.value("init_lora_weights", json(true)));
  complaints += number_problems(config);
  if (!complaints.empty())
    throw DataError(message(where, ": not an adapter that lldm can read", complaints));
}

}  // namespace lldm
