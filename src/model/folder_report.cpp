// SPDX-License-Identifier: MIT
#include "lldm/model/folder_report.hpp"

#include <ATen/core/Tensor.h>

#include <set>

#include "lldm/errors.hpp"
#include "lldm/model/model_folder.hpp"
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

}  // namespace

FolderReport inspect_model_folder(const fs::path& folder) {
  FolderReport report;
  report.config = load_model_config(folder);
  Complaints complaints;
  const Shards shards = open_weights(folder, complaints);
  // Every dtype that can be widened to float64 is one that some load accepts.
  check_tensors(shards, report.config, at::kDouble, complaints);
  report.complaints = complaints.list();
  for (const auto& path : shards.paths) report.files.push_back(path.filename().string());
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
  const Shards mine = open_weights(first, complaints), theirs = open_weights(second, complaints);
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
      result.tensors.push_back(difference_of(name, mine.files[index].read(name),
                                             theirs.files[other->second].read(name)));
  }
  return result;
}

}  // namespace lldm
