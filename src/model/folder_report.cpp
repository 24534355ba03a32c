// SPDX-License-Identifier: MIT
#include "lldm/model/folder_report.hpp"

#include <ATen/core/Tensor.h>

#include <set>

#include "lldm/errors.hpp"
#include "lldm/model/model_folder.hpp"
#include "model/model_source.hpp"
#include "model/weight_files.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> config_lines(const TransformerConfig& first,
                                      const TransformerConfig& second) {
  const auto mine = nlohmann::json::parse(model_config_json(first, "")),
             theirs = nlohmann::json::parse(model_config_json(second, ""));
  std::set<std::string> keys;
  for (const auto* values : {&mine, &theirs})
    for (const auto& item : values->items()) keys.insert(item.key());
  std::vector<std::string> lines;
  for (const auto& key : keys) {
    const auto text = [&](const nlohmann::json& values) {
      return values.contains(key) ? values[key].dump() : std::string("absent");
    };
    if (text(mine) != text(theirs)) lines.push_back(key + ": " + text(mine) + ", " + text(theirs));
  }
  return lines;
}

TensorDifference difference_of(const std::string& name, const at::Tensor& first,
                               const at::Tensor& second) {
  const auto apart = first.to(at::kDouble).sub(second.to(at::kDouble));
  TensorDifference result{.name = name, .numbers = apart.numel()};
  if (apart.numel() == 0) return result;
  result.largest = apart.abs().max().item<double>();
  result.root_mean_square = std::sqrt(apart.square().mean().item<double>());
  result.differing = apart.ne(0).sum().item<std::int64_t>();
  return result;
}

/// A tensor with the update that the folder's adapter has for it.
at::Tensor summed(const SafetensorsFile& file, const std::string& name, const ModelSource& source) {
  at::Tensor value = file.read(name);
  for (const auto& update : source.updates)
    if (update.weight == name) {
      value = value.to(at::kDouble).clone();
      add_update(value, update);
    }
  return value;
}

}  // namespace

FolderReport inspect_model_folder(const fs::path& folder) {
  FolderReport report;
  report.config = load_model_config(folder);
  Complaints complaints;
  const ModelSource source = model_source(folder);
  report.weights = source.weights;
  for (const auto& update : source.updates)
    report.updates.push_back({update.weight, update.a.size(0), update.scale});
  const Shards shards = open_weights(source.weights, complaints);
  // Every dtype that can be widened to float64 is one that some load accepts.
  check_tensors(shards, report.config, at::kDouble, complaints);
  report.complaints = complaints.list();
  report.files = shards.names;
  for (const auto& [name, index] : shards.file_of) {
    const TensorEntry& entry = shards.entry(name);
    report.tensors.push_back(
        {name, entry.dtype, entry.shape, entry.end - entry.begin, report.files[index]});
    report.bytes += entry.end - entry.begin;
  }
  return report;
}

FolderDifference compare_model_folders(const fs::path& first, const fs::path& second) {
  FolderDifference result;
  result.config = config_lines(load_model_config(first), load_model_config(second));
  Complaints complaints;
  const ModelSource own = model_source(first), other_source = model_source(second);
  const Shards mine = open_weights(own.weights, complaints),
               theirs = open_weights(other_source.weights, complaints);
  complaints.finish(first);
  for (const auto& item : theirs.file_of)
    if (!mine.file_of.contains(item.first)) result.only_in_second.push_back(item.first);
  for (const auto& [name, index] : mine.file_of) {
    const auto other = theirs.file_of.find(name);
    if (other == theirs.file_of.end())
      result.only_in_first.push_back(name);
    else if (mine.entry(name).shape != theirs.entry(name).shape)
      result.other_shape.push_back(message(name, " ", shape_text(mine.entry(name).shape), ", ",
                                           shape_text(theirs.entry(name).shape)));
    else
      result.tensors.push_back(
          difference_of(name, summed(mine.files[index], name, own),
                        summed(theirs.files[other->second], name, other_source)));
  }
  return result;
}

}  // namespace lldm
