// SPDX-License-Identifier: MIT
#include "lldm/model/adapter_folder.hpp"

#include <cmath>
#include <map>

#include "lldm/errors.hpp"
#include "lldm/model/safetensors.hpp"
#include "lldm/storage/published_folder.hpp"
#include "model/adapter_config.hpp"
#include "model/hashed_weights.hpp"
#include "model/weight_files.hpp"
#include "storage/json_file.hpp"
#include "storage/sealed_folder.hpp"
#include "text/pcre2.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kPrefix = "base_model.model.";
constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;

/// Whether the end of `module`, from a dot on, is what `pattern` describes.
bool is_end_of(const std::string& module, const std::string& pattern, const std::string& where) {
  const std::string whole = "(?:.*\\.)?(?:" + pattern + ")";
  int error = 0;
  PCRE2_SIZE offset = 0;
  const auto code = pcre2::limited(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(whole.data()), whole.size(),
                    PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED, &error, &offset, nullptr));
  if (!code.code)
    throw DataError(
        message(where, ": \"", pattern, "\" is no pattern: ", pcre2::error_text(error)));
  const pcre2::MatchData data(pcre2_match_data_create_from_pattern(code.code.get(), nullptr));
  const int result = pcre2_match(code.code.get(), reinterpret_cast<PCRE2_SPTR>(module.data()),
                                 module.size(), 0, 0, data.get(), code.limits.get());
  if (result < 0 && result != PCRE2_ERROR_NOMATCH)
    throw DataError(
        message(where, ": pattern \"", pattern, "\" gave up: ", pcre2::error_text(result)));
  return result >= 0;
}

/// The number of the first pattern that `module` ends with, else `otherwise`.
double by_pattern(const json& config, const char* key, const std::string& module, double otherwise,
                  const std::string& where) {
  const json patterns = config.value(key, json::object());
  if (!patterns.is_object()) return otherwise;  // null or empty
  for (const auto& [pattern, value] : patterns.items()) {
    if (!value.is_number() || value.get<double>() <= 0)
      throw DataError(message(where, ": ", key, "[\"", pattern, "\"] must be a positive number"));
    if (is_end_of(module, pattern, message(where, ": ", key))) return value.get<double>();
  }
  return otherwise;
}

/// The module and the side ('A', 'B') of "base_model.model.MODULE.lora_A.weight".
std::pair<std::string, char> parsed(const std::string& name, const std::string& where) {
  for (const char side : {'A', 'B'}) {
    const std::string ending = std::string(".lora_") + side + ".weight";
    if (name.starts_with(kPrefix) && name.ends_with(ending))
      return {name.substr(kPrefix.size(), name.size() - kPrefix.size() - ending.size()), side};
  }
  throw DataError(message(where, ": tensor \"", name,
                          "\" is none of a LoRA of matrices\n  such are called ", kPrefix,
                          "MODULE.lora_A.weight and .lora_B.weight"));
}

double dropout_of(const json& config, const std::string& where) {
  const json given = config.value("lora_dropout", json(0.0));
  if (given.is_number() && given.get<double>() >= 0 && given.get<double>() < 1)
    return given.get<double>();
  throw DataError(message(where, ": \"lora_dropout\" must be in [0, 1), got ", given.dump()));
}

/// float64 stays, all others are float32.
at::Tensor as_update(const at::Tensor& side) {
  return side.scalar_type() == at::kDouble ? side : side.to(at::kFloat);
}

LoraUpdate make_update(const std::string& module, const at::Tensor& a, const at::Tensor& b,
                       const json& config, const std::string& where) {
  const auto rank = static_cast<std::int64_t>(
      by_pattern(config, "rank_pattern", module, config["r"].get<double>(), where));
  const double alpha =
      by_pattern(config, "alpha_pattern", module, config["lora_alpha"].get<double>(), where);
  if (a.dim() != 2 || b.dim() != 2 || a.size(0) != rank || b.size(1) != rank)
    throw DataError(message(where, ": module \"", module, "\" has A ", shape_text(a.sizes().vec()),
                            " and B ", shape_text(b.sizes().vec()), ", must be [", rank,
                            ", in] and [out, ", rank, "]"));
  const auto size = static_cast<double>(rank);
  const json stabilized = config.value("use_rslora", json(false));  // may be null
  return {.weight = module + ".weight",
          .a = as_update(a),
          .b = as_update(b),
          .scale = alpha / (stabilized == json(true) ? std::sqrt(size) : size),
          .dropout = dropout_of(config, where)};
}

/// One that a stage published is bound by its own manifest, or by that of the merged model above.
void check_seals(const fs::path& folder) {
  const fs::path own = fs::weakly_canonical(folder), home = own.parent_path();
  if (fs::exists(own / kManifestName))
    return SealedFolder(own).check([](const std::string&) { return true; });
  if (fs::exists(home / kManifestName))
    SealedFolder(home).check(
        [&](const std::string& name) { return name.starts_with(own.filename().string() + "/"); });
}

}  // namespace

std::vector<LoraUpdate> load_adapter(const fs::path& folder) {
  const auto config_file = folder / "adapter_config.json",
             weights_file = folder / "adapter_model.safetensors";
  for (const auto& file : {config_file, weights_file})
    if (!fs::exists(file))
      throw DataError(
          message(folder.string(), ": no PEFT adapter: has no ", file.filename().string()));
  check_seals(folder);
  const json config = load_json(config_file, {.max_bytes = kMaxConfigBytes});
  if (!config.is_object()) throw DataError(config_file.string() + ": must be a JSON object");
  check_adapter_config(config, config_file.string());
  const auto where = weights_file.string();
  std::map<std::string, std::map<char, at::Tensor>> modules;
  for (const auto& [name, value] : load_safetensors(weights_file)) {
    if (const auto problem = finite_problem(value))
      throw DataError(message(where, ": tensor \"", name, "\": ", *problem));
    const auto [module, side] = parsed(name, where);
    modules[module][side] = value;
  }
  std::vector<LoraUpdate> updates;
  for (const auto& [module, sides] : modules) {
    if (sides.size() != 2)
      throw DataError(message(where, ": module \"", module, "\" has no lora_",
                              sides.contains('A') ? 'B' : 'A'));
    updates.push_back(
        make_update(module, sides.at('A'), sides.at('B'), config, config_file.string()));
  }
  if (updates.empty()) throw DataError(where + ": has no tensors");
  return updates;
}

void merge_adapter(Transformer& model, const std::vector<LoraUpdate>& updates,
                   const fs::path& folder) {
  if (model.precision().storage != WeightStorage::plain)
    throw ConfigError(message(folder.string(), ": an adapter is added to plain weights alone"));
  model.set_adapter(updates, folder.string());
  model.merge_adapter();
}

}  // namespace lldm
