// SPDX-License-Identifier: MIT
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

#include "lldm/errors.hpp"
#include "lldm/model/adapter_folder.hpp"
#include "lldm/model/safetensors.hpp"
#include "lldm/storage/files.hpp"
#include "model/hashed_weights.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kPrefix = "base_model.model.";

std::string module_of(const LoraUpdate& update) {
  return update.weight.substr(0, update.weight.size() - std::string_view(".weight").size());
}

/// PEFT reads keys of rank_pattern and alpha_pattern as expressions.
std::string quoted(const std::string& module) {
  std::string text;
  for (const char c : module) text += c == '.' ? std::string("\\.") : std::string(1, c);
  return text;
}

double divisor(std::int64_t rank, bool is_rank_stabilized) {
  const auto size = static_cast<double>(rank);
  return is_rank_stabilized ? std::sqrt(size) : size;
}

/// The alpha that a reader divides to the very scale, which takes a step more or less at times;
/// nothing where no number does.
std::optional<double> exact_alpha(const LoraUpdate& update, bool is_rank_stabilized) {
  const double by = divisor(update.a.size(0), is_rank_stabilized), alpha = update.scale * by;
  for (const double near :
       {std::round(alpha), alpha, std::nextafter(alpha, 0.0), std::nextafter(alpha, 2 * alpha)})
    if (near / by == update.scale) return near;
  return std::nullopt;
}

/// Whether the scales are what alpha / sqrt(rank) gives, and not alpha / rank.
bool is_rank_stabilized(const std::vector<LoraUpdate>& updates) {
  const auto all = [&](bool stabilized) {
    return std::ranges::all_of(updates, [&](const LoraUpdate& update) {
      return exact_alpha(update, stabilized).has_value();
    });
  };
  return !all(false) && all(true);
}

json config_of(const std::vector<LoraUpdate>& updates, const std::string& base) {
  const bool stabilized = is_rank_stabilized(updates);
  const auto rank_of = [](const LoraUpdate& update) { return update.a.size(0); };
  const auto alpha_of = [&](const LoraUpdate& update) {
    return exact_alpha(update, stabilized)
        .value_or(update.scale * divisor(rank_of(update), stabilized));
  };
  json ranks = json::object(), alphas = json::object(), modules = json::array();
  for (const auto& update : updates) {
    modules.push_back(module_of(update));
    if (rank_of(update) != rank_of(updates.front()))
      ranks[quoted(module_of(update))] = rank_of(update);
    if (alpha_of(update) != alpha_of(updates.front()))
      alphas[quoted(module_of(update))] = alpha_of(update);
  }
  return {{"alpha_pattern", alphas},
          {"base_model_name_or_path", base},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"inference_mode", true},
          {"lora_alpha", alpha_of(updates.front())},
          {"lora_dropout", updates.front().dropout},
          {"modules_to_save", nullptr},
          {"peft_type", "LORA"},
          {"r", rank_of(updates.front())},
          {"rank_pattern", ranks},
          {"target_modules", modules},
          {"task_type", "CAUSAL_LM"},
          {"use_dora", false},
          {"use_rslora", stabilized}};
}

}  // namespace

void save_adapter(const std::vector<LoraUpdate>& updates, const fs::path& folder,
                  const std::string& base) {
  if (updates.empty()) throw ConfigError(folder.string() + ": there is no adapter to be saved");
  TensorMap tensors;
  std::vector<NamedParameter> named;
  for (const auto& update : updates)
    for (const auto& [side, value] :
         {std::pair{".lora_A.weight", update.a}, std::pair{".lora_B.weight", update.b}}) {
      const std::string name = std::string(kPrefix) + module_of(update) + side;
      tensors[name] =
          value.detach().to(value.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
      named.push_back({name, tensors[name]});
    }
  require_finite(named, folder.string() + ": nothing was saved: the adapter is not finite");
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw Error(message(folder.string(), ": cannot be created: ", failure.message()));
  write_file_atomically(folder / "adapter_config.json", config_of(updates, base).dump(2) + "\n");
  save_safetensors(folder / "adapter_model.safetensors", tensors, {{"format", "pt"}});
}

}  // namespace lldm
