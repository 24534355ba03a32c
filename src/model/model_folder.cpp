// SPDX-License-Identifier: MIT
#include "lldm/model/model_folder.hpp"

#include <c10/core/GradMode.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "lldm/errors.hpp"
#include "lldm/model/safetensors.hpp"
#include "lldm/track/files.hpp"
#include "model/strict_json.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

/// "organisation/name", as the hub writes it: two words and one slash.
bool looks_like_hub_name(const std::string& text) {
  const auto slash = text.find('/');
  return slash != std::string::npos && slash > 0 && slash + 1 < text.size() &&
         text.find('/', slash + 1) == std::string::npos && text.front() != '.' && text.front() != '/';
}

void require_folder(const fs::path& folder) {
  if (fs::is_directory(folder)) return;
  const std::string text = folder.string();
  if (looks_like_hub_name(text)) {
    const std::string name = text.substr(text.find('/') + 1);
    throw DataError(message("model \"", text, "\" is no folder here; it looks like a name on the hub\n",
                            "  lldm does not download: hf download ", text, " --local-dir models/", name,
                            "\n  then write path = \"models/", name, "\""));
  }
  throw DataError(message("model \"", text, "\": there is no such folder"));
}

/// A shard lies in the folder itself and is a safetensors file, whatever system judges its name.
void check_shard_name(const std::string& shard, const fs::path& index) {
  if (shard.empty() || shard.find_first_of("/\\:") != std::string::npos || shard.starts_with(".") ||
      !shard.ends_with(".safetensors"))
    throw DataError(message(index.string(), ": \"", shard, "\" is no shard name\n  legal: a .safetensors file of this folder"));
}

/// Tensor name -> file, of a single file or of an index.
std::map<std::string, std::string> tensor_files(const fs::path& folder) {
  std::map<std::string, std::string> files;
  const fs::path single = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  if (fs::exists(single)) {
    const SafetensorsFile file(single);
    for (const auto& [name, entry] : file.header().tensors) files[name] = "model.safetensors";
    return files;
  }
  if (!fs::exists(index))
    throw DataError(message(folder.string(), ": neither model.safetensors nor model.safetensors.index.json"));
  const nlohmann::json json = nlohmann::json::parse(read_file(index), nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded() || !json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object())
    throw DataError(message(index.string(), ": no \"weight_map\""));
  for (const auto& [name, shard] : json["weight_map"].items()) {
    if (!shard.is_string()) throw DataError(message(index.string(), ": the shard of \"", name, "\" is no string"));
    check_shard_name(shard.get<std::string>(), index);
    files[name] = shard.get<std::string>();
  }
  return files;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::ostringstream out;
  out << "[";
  for (std::size_t i = 0; i < shape.size(); ++i) out << (i ? ", " : "") << shape[i];
  out << "]";
  return out.str();
}

}  // namespace

LladaConfig load_llada_config(const fs::path& folder) {
  require_folder(folder);
  const fs::path file = folder / "config.json";
  if (!fs::exists(file)) throw DataError(message(folder.string(), ": no config.json"));
  return parse_llada_config(read_file(file), file.string());
}

std::shared_ptr<Llada> load_llada(const fs::path& folder, at::ScalarType dtype, at::Device device) {
  const LladaConfig config = load_llada_config(folder);
  const auto files = tensor_files(folder);
  const auto shapes = llada_tensor_shapes(config);
  std::string problems;
  std::map<std::string, std::unique_ptr<SafetensorsFile>> open;
  for (const auto& [name, shape] : shapes)
    if (!files.contains(name)) problems += message("\n  missing: ", name, " ", shape_text(shape));
  for (const auto& [name, shard] : files) {
    const auto wanted = shapes.find(name);
    if (wanted == shapes.end()) {
      problems += message("\n  unexpected: ", name);
      continue;
    }
    auto& file = open[shard];
    if (!file) file = std::make_unique<SafetensorsFile>(folder / shard);
    const auto entry = file->header().tensors.find(name);
    if (entry == file->header().tensors.end())
      problems += message("\n  ", name, ": not in ", shard, ", where the index has it");
    else if (entry->second.shape != wanted->second)
      problems += message("\n  ", name, ": shape ", shape_text(entry->second.shape), ", config.json asks for ", shape_text(wanted->second));
  }
  if (!problems.empty()) throw DataError(message(folder.string(), ": the weights do not fit config.json", problems));
  auto model = std::make_shared<Llada>(config, dtype, device);
  const c10::NoGradGuard no_grad;
  for (const NamedParameter& parameter : model->parameters())
    at::Tensor(parameter.value).copy_(open.at(files.at(parameter.name))->read(parameter.name));
  return model;
}

void save_llada(const Llada& model, const fs::path& folder) {
  TensorMap tensors;
  for (const NamedParameter& parameter : model.parameters())
    tensors[parameter.name] = parameter.value.detach().to(at::Device(at::kCPU)).contiguous();
  save_safetensors(folder / "model.safetensors", tensors);
  write_file_atomically(folder / "config.json",
                        llada_config_json(model.config(), model.dtype() == at::kDouble ? "float64" : "float32"));
}

}  // namespace lldm
