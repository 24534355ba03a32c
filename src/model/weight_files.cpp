// SPDX-License-Identifier: MIT
#include "model/weight_files.hpp"

#include <set>

#include "lldm/errors.hpp"
#include "lldm/model/transformer.hpp"
#include "model/family.hpp"
#include "model/foreign_folder.hpp"
#include "model/hashed_weights.hpp"
#include "model/model_source.hpp"
#include "storage/json_file.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxIndexBytes = std::size_t{100} << 20;
constexpr std::size_t kMaxListed = 40;

/// Whether `file` lies where the hub's client keeps what the links of a snapshot point to:
/// models--NAME/blobs, beside models--NAME/snapshots/REVISION.
bool is_blob_of(const fs::path& file, const fs::path& folder) {
  const fs::path snapshots = folder.parent_path();
  return snapshots.filename() == "snapshots" &&
         snapshots.parent_path().filename().string().starts_with("models--") &&
         file.parent_path() == snapshots.parent_path() / "blobs";
}

// A shard's name must be a plain file name, whatever system it was meant for, and stay inside the
// folder.
fs::path shard_path(const fs::path& folder, const std::string& name, const std::string& where) {
  const bool is_plain = !name.empty() && name != "." && name != ".." &&
                        name.ends_with(".safetensors") &&
                        name.find_first_of(std::string_view("/\\:\0", 4)) == std::string::npos;
  if (!is_plain)
    throw DataError(message(where, ": \"", name,
                            "\" is not a file name of this folder ending in .safetensors"));
  std::error_code failure;
  const auto real = fs::canonical(folder / name, failure);
  if (failure) throw DataError(message(where, ": file ", name, " is missing"));
  if (const auto home = fs::canonical(folder);
      real.parent_path() != home && !is_blob_of(real, home))
    throw DataError(
        message(where, ": file ", name, " links out of the folder, to ", real.string()));
  return real;
}

void add_file(Shards& shards, const fs::path& path, const std::string& name, WeightReading reading,
              Complaints& complaints) {
  shards.files.emplace_back(path, reading);
  shards.paths.push_back(path);
  shards.names.push_back(name);
  for (const auto& item : shards.files.back().header().tensors)
    if (!shards.file_of.emplace(item.first, shards.files.size() - 1).second)
      complaints.add(message("tensor \"", item.first, "\" is in two files"));
}

// The index must say exactly what the files hold.
Shards open_indexed(const fs::path& folder, const fs::path& index, WeightReading reading,
                    Complaints& complaints) {
  const auto where = index.string();
  const auto json = load_json(index, {.max_bytes = kMaxIndexBytes});
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
    throw DataError(where + ": must be an object with a \"weight_map\" from tensors to files");
  std::map<std::string, std::set<std::string>> tensors_of;
  for (const auto& [tensor, file] : json["weight_map"].items()) {
    if (!file.is_string())
      throw DataError(message(where, ": the file of \"", tensor, "\" must be text"));
    tensors_of[file.get<std::string>()].insert(tensor);
  }
  Shards shards;
  std::uint64_t bytes = 0;
  for (const auto& [file, tensors] : tensors_of) {
    add_file(shards, shard_path(folder, file, where), file, reading, complaints);
    const auto& held = shards.files.back().header().tensors;
    for (const auto& item : held) {
      bytes += item.second.end - item.second.begin;
      if (!tensors.contains(item.first))
        complaints.add(
            message("tensor \"", item.first, "\" is in ", file, ", but the index does not say so"));
    }
    for (const auto& tensor : tensors)
      if (!held.contains(tensor))
        complaints.add(message("tensor \"", tensor, "\" should be in ", file, ", but is not"));
  }
  if (const auto metadata = json.find("metadata");
      metadata != json.end() && metadata->is_object() && metadata->contains("total_size") &&
      (*metadata)["total_size"] != bytes)
    complaints.add(message("the index says total_size ", (*metadata)["total_size"].dump(),
                           ", the files hold ", bytes, " bytes"));
  return shards;
}

void check_entry(const std::string& name, const TensorEntry& entry,
                 const std::vector<std::int64_t>& shape, at::ScalarType dtype,
                 Complaints& complaints) {
  if (entry.shape != shape)
    complaints.add(message("tensor \"", name, "\" is ", shape_text(entry.shape), ", must be ",
                           shape_text(shape)));
  const bool fits = entry.dtype == "F32" || entry.dtype == "BF16" || entry.dtype == "F16" ||
                    (entry.dtype == "F64" && dtype == at::kDouble);
  if (!fits)
    complaints.add(message("tensor \"", name, "\" is ", entry.dtype, ", cannot be held as ",
                           dtype == at::kDouble ? "float64" : "float32"));
}

/// A tensor that says again what the model has: rotary frequencies that older code stored, and a
/// tied head beside its embedding.
bool is_redundant(const std::string& name, const TransformerConfig& config) {
  return name.ends_with(".rotary_emb.inv_freq") || (config.tied_head && name == head_name(config));
}

}  // namespace

void Complaints::finish(const fs::path& folder) const {
  if (list_.empty()) return;
  std::string text = message(folder.string(), ": the weights are not those of config.json");
  for (std::size_t i = 0; i < std::min(list_.size(), kMaxListed); ++i) text += "\n  " + list_[i];
  if (list_.size() > kMaxListed) text += message("\n  and ", list_.size() - kMaxListed, " more");
  throw DataError(text);
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const auto size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
}

std::string head_name(const TransformerConfig& config) {
  return message(family_of(config.family).names.head, ".weight");
}

Shards open_weights(const fs::path& folder, Complaints& complaints, WeightReading reading) {
  const auto single = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  const bool has_single = fs::exists(single), has_index = fs::exists(index);
  if (has_single && has_index)
    throw DataError(
        message(folder.string(),
                ": has both model.safetensors and an index of shards\n  remove one of them"));
  if (has_index) return open_indexed(folder, index, reading, complaints);
  if (!has_single)
    throw DataError(
        message(folder.string(), ": has no model.safetensors", other_weights_hint(folder)));
  Shards shards;
  add_file(shards, shard_path(folder, "model.safetensors", folder.string()), "model.safetensors",
           reading, complaints);
  return shards;
}

void require_finite_weights(const fs::path& folder) {
  Complaints complaints;
  const Shards shards = open_weights(model_source(folder).weights, complaints);
  complaints.finish(folder);
  for (const auto& [name, index] : shards.file_of)
    if (const auto problem = finite_problem(shards.files[index].read(name)))
      throw DataError(
          message((folder / shards.names[index]).string(), ": tensor \"", name, "\": ", *problem));
}

void check_tensors(const Shards& shards, const TransformerConfig& config, at::ScalarType dtype,
                   Complaints& complaints) {
  if (const std::string prefix = foreign_prefix(shards.file_of); !prefix.empty())
    return complaints.add(prefix);
  const auto expected = tensor_shapes(config);
  for (const auto& [name, shape] : expected) {
    const auto found = shards.file_of.find(name);
    if (found == shards.file_of.end())
      complaints.add(message("tensor \"", name, "\" ", shape_text(shape), " is missing"));
    else
      check_entry(name, shards.files[found->second].header().tensors.at(name), shape, dtype,
                  complaints);
  }
  for (const auto& item : shards.file_of)
    if (!expected.contains(item.first) && !is_redundant(item.first, config))
      complaints.add(message("tensor \"", item.first, "\" is unexpected"));
}

}  // namespace lldm
