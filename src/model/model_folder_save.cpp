// SPDX-License-Identifier: MIT
#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/adapter_folder.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/safetensors.hpp"
#include "lldm/storage/files.hpp"
#include "model/family.hpp"
#include "model/hashed_weights.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

/// Matrices that are held, and perhaps trained, in bfloat16 stay so; with an update that is added
/// they have the numbers that were computed with.
at::ScalarType stored_type(const NamedWeight& weight, const Transformer& model,
                           const SaveOptions& options) {
  if (options.dtype) return *options.dtype;
  if (const auto own = options.dtypes.find(weight.name); own != options.dtypes.end())
    return own->second;
  const bool is_narrow = model.precision().storage == WeightStorage::bfloat16 &&
                         !model.has_adapter() && weight.matrix.defined();
  return is_narrow ? at::kBFloat16 : model.dtype();
}

std::string dtype_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "float32";
    case at::kDouble:
      return "float64";
    case at::kBFloat16:
      return "bfloat16";
    case at::kHalf:
      return "float16";
    default:
      throw ConfigError(message("a model is stored as float32, float64, bfloat16 or float16, not ",
                                at::toString(type)));
  }
}

/// What goes into one file: a tensor and what it is stored as.
using Shard = std::map<std::string, std::pair<NamedWeight, at::ScalarType>>;

// Parameters in order, a new shard wherever the next tensor would not fit.
std::vector<Shard> cut_into_shards(const Transformer& model, const SaveOptions& options) {
  std::vector<Shard> shards(1);
  std::int64_t bytes = 0;
  for (const auto& weight : model.weights()) {
    const at::ScalarType type = stored_type(weight, model, options);
    auto size = static_cast<std::int64_t>(c10::elementSize(type));
    for (const std::int64_t extent : weight.shape()) size *= extent;
    if (!shards.back().empty() && bytes + size > options.max_shard_bytes) {
      shards.emplace_back();
      bytes = 0;
    }
    shards.back()[weight.name] = {weight, type};
    bytes += size;
  }
  return shards;
}

/// The adapter's updates by the names of their matrices.
using Updates = std::map<std::string, LoraUpdate>;

/// The numbers as they are stored, with the updates added; one that its type cannot hold is an
/// error.
TensorMap as_stored(const Shard& shard, const Updates& updates, at::ScalarType dtype,
                    const fs::path& file) {
  const c10::NoGradGuard no_gradient;
  TensorMap stored;
  std::vector<NamedParameter> narrowed;
  for (const auto& [name, item] : shard) {
    const auto update = updates.find(name);
    const NamedWeight& weight = item.first;
    const bool is_stored_as_held = update == updates.end() && weight.matrix.defined() &&
                                   weight.matrix.storage() == WeightStorage::bfloat16 &&
                                   item.second == at::kBFloat16;
    if (is_stored_as_held) {  // no copy of it
      stored[name] = weight.matrix.values().detach();
      continue;
    }
    at::Tensor value = weight.value(dtype).detach();
    if (update != updates.end()) {
      value = value.clone();  // the model keeps its own
      add_update(value, update->second);
    }
    stored[name] = value.to(item.second);
    if (value.scalar_type() != item.second || update != updates.end())
      narrowed.push_back({name, stored[name]});
  }
  require_finite(narrowed, message(file.string(), ": not saved: as they would be stored, the ",
                                   "weights are not finite"));
  return stored;
}

std::string shard_name(std::size_t index, std::size_t count) {
  char name[64];
  std::snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", index + 1, count);
  return name;
}

void save_shards(const std::vector<Shard>& shards, const Updates& updates, at::ScalarType dtype,
                 const SaveOptions& options, const fs::path& folder) {
  nlohmann::ordered_json index;
  std::uint64_t bytes = 0;
  std::map<std::string, std::string> weight_map;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const auto name = shard_name(i, shards.size());
    const TensorMap stored = as_stored(shards[i], updates, dtype, folder / name);
    save_safetensors(folder / name, stored, options.metadata);
    for (const auto& item : stored) {
      weight_map[item.first] = name;
      bytes += item.second.nbytes();
    }
  }
  index["metadata"] = {{"total_size", bytes}};
  index["weight_map"] = weight_map;
  write_file_atomically(folder / "model.safetensors.index.json", index.dump(2) + "\n");
}

/// With what decides the model's answers beside its weights.
TransformerConfig saved_config(const Transformer& model) {
  TransformerConfig config = model.config();
  config.exclude_mask_logit = model.excluded_logit().has_value();
  if (config.exclude_mask_logit) config.mask_token = model.excluded_logit();
  return config;
}

}  // namespace

void Transformer::save_adapter(const fs::path& folder, const std::string& base) const {
  const PurposeScope purpose(MemoryPurpose::staging);
  lldm::save_adapter(adapter(), folder, base);
  write_file_atomically(folder / "config.json",
                        model_config_json(saved_config(*this), dtype_name(dtype())));
}

void save_transformer(const Transformer& model, const fs::path& folder,
                      const SaveOptions& options) {
  const PurposeScope purpose(MemoryPurpose::staging);
  // What config.json says of them all is what the first, the embedding, is.
  const std::string config = model_config_json(
      saved_config(model), dtype_name(stored_type(model.weights().front(), model, options)));
  require_finite(model.base_parameters(),
                 folder.string() + ": nothing was saved: the weights are not finite");
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) throw Error(message(folder.string(), ": cannot be created: ", failure.message()));
  write_file_atomically(folder / "config.json", config);
  if (const auto generation = generation_config_json(model.config()); !generation.empty())
    write_file_atomically(folder / "generation_config.json", generation);
  const auto shards = cut_into_shards(model, options);
  Updates updates;
  for (const auto& update : model.adapter()) updates[update.weight] = update;
  // The other form, if an earlier save left it, would make the folder ambiguous.
  if (shards.size() == 1) {
    const auto file = folder / "model.safetensors";
    save_safetensors(file, as_stored(shards.front(), updates, model.dtype(), file),
                     options.metadata);
    fs::remove(folder / "model.safetensors.index.json");
  } else {
    save_shards(shards, updates, model.dtype(), options, folder);
    fs::remove(folder / "model.safetensors");
  }
}

}  // namespace lldm
