// SPDX-License-Identifier: MIT
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/safetensors.hpp"
#include "lldm/storage/files.hpp"
#include "model/hashed_weights.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

// Parameters in order, a new shard wherever the next tensor would not fit.
std::vector<TensorMap> cut_into_shards(const Llada& model, std::int64_t max_bytes) {
  std::vector<TensorMap> shards(1);
  std::int64_t bytes = 0;
  for (const auto& parameter : model.parameters()) {
    const auto size = static_cast<std::int64_t>(parameter.value.nbytes());
    if (!shards.back().empty() && bytes + size > max_bytes) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back()[parameter.name] = parameter.value;
    bytes += size;
  }
  return shards;
}

std::string shard_name(std::size_t index, std::size_t count) {
  char name[64];
  std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", index + 1, count);
  return name;
}

void save_shards(const std::vector<TensorMap>& shards, const fs::path& folder) {
  nlohmann::ordered_json index;
  std::uint64_t bytes = 0;
  std::map<std::string, std::string> weight_map;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const auto name = shard_name(i, shards.size());
    save_safetensors(folder / name, shards[i]);
    for (const auto& item : shards[i]) {
      weight_map[item.first] = name;
      bytes += item.second.nbytes();
    }
  }
  index["metadata"] = {{"total_size", bytes}};
  index["weight_map"] = weight_map;
  write_file_atomically(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

/// With what decides the model's answers beside its weights.
LladaConfig saved_config(const Llada& model) {
  LladaConfig config = model.config();
  config.exclude_mask_logit = model.excluded_logit().has_value();
  if (config.exclude_mask_logit) config.mask_token_id = model.excluded_logit();
  return config;
}

}  // namespace

void save_llada(const Llada& model, const fs::path& folder, std::int64_t max_shard_bytes) {
  const PurposeScope purpose(MemoryPurpose::staging);
  require_finite(model.parameters(),
                 folder.string() + ": nothing was saved: the weights are not finite");
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw Error(message(folder.string(), ": cannot be created: ", failure.message()));
  write_file_atomically(
      folder / "config.json",
      llada_config_json(saved_config(model), model.dtype() == at::kDouble ? "float64" : "float32"));
  const auto shards = cut_into_shards(model, max_shard_bytes);
  // The other form, if an earlier save left it, would make the folder ambiguous.
  if (shards.size() == 1) {
    save_safetensors(folder / "model.safetensors", shards.front());
    fs::remove(folder / "model.safetensors.index.json");
  } else {
    save_shards(shards, folder);
    fs::remove(folder / "model.safetensors");
  }
}

}  // namespace lldm
