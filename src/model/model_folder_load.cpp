// SPDX-License-Identifier: MIT
#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/safetensors.hpp"
#include "model/foreign_folder.hpp"
#include "model/hashed_weights.hpp"
#include "model/model_size.hpp"
#include "storage/input_file.hpp"
#include "storage/json_file.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxIndexBytes = std::size_t{100} << 20;
constexpr std::size_t kMaxListed = 40;

bool is_hub_name(const std::string& path) {
  const auto slash = path.find('/');
  const auto is_part = [](std::string_view part) {
    return !part.empty() && part.front() != '.' && std::ranges::all_of(part, [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
    });
  };
  return slash != std::string::npos && is_part(path.substr(0, slash)) &&
         is_part(path.substr(slash + 1));
}

void check_folder(const fs::path& folder) {
  std::error_code failure;
  if (fs::is_directory(folder, failure)) return;
  const auto name = folder.string();
  if (is_hub_name(name) && !fs::exists(folder, failure))
    throw DataError(
        message("model \"", name,
                "\": no such folder\n  to fetch it from the Hugging Face hub: hf download ", name,
                " --local-dir ", folder.filename().string(), "\n  then set path = \"",
                folder.filename().string(), "\""));
  throw DataError(message("model \"", name, "\": no such folder"));
}

// All that is wrong with the tensors of a folder.
class Complaints {
 public:
  void add(std::string text) { list_.push_back(std::move(text)); }
  void finish(const fs::path& folder) const {
    if (list_.empty()) return;
    std::string text = message(folder.string(), ": the weights are not those of config.json");
    for (std::size_t i = 0; i < std::min(list_.size(), kMaxListed); ++i) text += "\n  " + list_[i];
    if (list_.size() > kMaxListed) text += message("\n  and ", list_.size() - kMaxListed, " more");
    throw DataError(text);
  }

 private:
  std::vector<std::string> list_;
};

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
  if (real.parent_path() != fs::canonical(folder))
    throw DataError(
        message(where, ": file ", name, " links out of the folder, to ", real.string()));
  return real;
}

struct Shards {
  std::vector<SafetensorsFile> files;
  std::vector<fs::path> paths;
  std::map<std::string, std::size_t> file_of;  // tensor -> index of its file
};

void add_file(Shards& shards, const fs::path& path, Complaints& complaints) {
  shards.files.emplace_back(path);
  shards.paths.push_back(path);
  for (const auto& item : shards.files.back().header().tensors)
    if (!shards.file_of.emplace(item.first, shards.files.size() - 1).second)
      complaints.add(message("tensor \"", item.first, "\" is in two files"));
}

// The index must say exactly what the files hold.
Shards open_indexed(const fs::path& folder, const fs::path& index, Complaints& complaints) {
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
    add_file(shards, shard_path(folder, file, where), complaints);
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

Shards open_weights(const fs::path& folder, Complaints& complaints) {
  const auto single = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  const bool has_single = fs::exists(single), has_index = fs::exists(index);
  if (has_single && has_index)
    throw DataError(
        message(folder.string(),
                ": has both model.safetensors and an index of shards\n  remove one of them"));
  if (has_index) return open_indexed(folder, index, complaints);
  if (!has_single)
    throw DataError(
        message(folder.string(), ": has no model.safetensors", other_weights_hint(folder)));
  Shards shards;
  add_file(shards, shard_path(folder, "model.safetensors", folder.string()), complaints);
  return shards;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (const auto size : shape) text += (text.size() > 1 ? ", " : "") + std::to_string(size);
  return text + "]";
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

void check_tensors(const Shards& shards, const LladaConfig& config, at::ScalarType dtype,
                   Complaints& complaints) {
  if (const std::string prefix = foreign_prefix(shards.file_of); !prefix.empty())
    return complaints.add(prefix);
  const auto expected = llada_tensor_shapes(config);
  for (const auto& [name, shape] : expected) {
    const auto found = shards.file_of.find(name);
    if (found == shards.file_of.end())
      complaints.add(message("tensor \"", name, "\" ", shape_text(shape), " is missing"));
    else
      check_entry(name, shards.files[found->second].header().tensors.at(name), shape, dtype,
                  complaints);
  }
  for (const auto& item : shards.file_of)
    if (!expected.contains(item.first))
      complaints.add(message("tensor \"", item.first, "\" is unexpected"));
}

LladaConfig config_of(const fs::path& folder) {
  const auto path = folder / "config.json";
  return parse_llada_config(read_input(path, kMaxConfigBytes), path.string());
}

void read_weights(const Shards& shards, const SealedFolder& sealed, const Llada& model) {
  std::map<std::string, at::Tensor> target;
  for (const auto& parameter : model.parameters()) target[parameter.name] = parameter.value;
  for (std::size_t i = 0; i < shards.files.size(); ++i) {
    const auto name = shards.paths[i].filename().string();
    read_sealed_weights(shards.files[i], shards.paths[i], sealed, name,
                        [&](const std::string& tensor, const at::Tensor& value) {
                          if (const auto problem = finite_problem(value))
                            throw DataError(message(shards.paths[i].string(), ": tensor \"", tensor,
                                                    "\": ", *problem));
                          target.at(tensor).copy_(value);
                        });
  }
}

std::shared_ptr<Llada> load_checked(const fs::path& folder, const SealedFolder& sealed,
                                    at::ScalarType dtype, at::Device device) {
  const auto config = config_of(folder);
  if (device.is_cpu())
    require_model_fits(shape_of(config), static_cast<std::int64_t>(c10::elementSize(dtype)),
                       (folder / "config.json").string());
  Complaints complaints;
  const auto shards = open_weights(folder, complaints);
  check_tensors(shards, config, dtype, complaints);
  complaints.finish(folder);

  auto model = std::make_shared<Llada>(config, dtype, device);
  const c10::NoGradGuard no_gradient;
  const PurposeScope purpose(MemoryPurpose::staging);
  read_weights(shards, sealed, *model);
  if (config.exclude_mask_logit) model->exclude_logit(config.mask_token_id);
  return model;
}

}  // namespace

LladaConfig load_llada_config(const fs::path& folder) {
  check_folder(folder);
  refuse_foreign_folder(folder);
  const SealedFolder sealed(folder);
  sealed.check([](const std::string& name) { return name == "config.json"; });
  return with_remedy(folder, [&] { return config_of(folder); });
}

std::shared_ptr<Llada> load_llada(const fs::path& folder, at::ScalarType dtype, at::Device device) {
  check_folder(folder);
  refuse_foreign_folder(folder);
  const SealedFolder sealed = checked_model_folder(folder);
  try {
    return with_remedy(folder, [&] { return load_checked(folder, sealed, dtype, device); });
  } catch (const DataError&) {
    sealed.explain();  // if the files are not those that were written, that is the reason
    throw;
  }
}

bool has_manifest(const fs::path& folder) { return fs::exists(folder / kManifestName); }

std::string unbound_note(const fs::path& folder) {
  return message(folder.string(), ": a model from elsewhere, without ", kManifestName,
                 ": its files are taken as they are");
}

}  // namespace lldm
