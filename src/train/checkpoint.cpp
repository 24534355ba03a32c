// SPDX-License-Identifier: MIT
#include "lldm/train/checkpoint.hpp"

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/safetensors.hpp"
#include "lldm/storage/published_folder.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

TensorMap as_map(const std::vector<NamedParameter>& tensors) {
  TensorMap map;
  for (const NamedParameter& tensor : tensors)
    map[tensor.name] = tensor.value.detach().to(at::Device(at::kCPU)).contiguous();
  return map;
}

void copy_into(const TensorMap& saved, const std::vector<NamedParameter>& targets,
               const std::filesystem::path& file) {
  const c10::NoGradGuard no_grad;
  for (const NamedParameter& target : targets) {
    const auto found = saved.find(target.name);
    if (found == saved.end() || found->second.sizes() != target.value.sizes() ||
        found->second.scalar_type() != target.value.scalar_type())
      throw DataError(message(file.string(), ": no tensor \"", target.name,
                              "\" of the model's shape and dtype"));
    at::Tensor(target.value).copy_(found->second);
  }
}

/// The published checkpoints, oldest first (their names sort by step).
std::vector<std::filesystem::path> checkpoint_folders(const std::filesystem::path& parent) {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(parent)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step-") && name.find('.') == std::string::npos)
      folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

void drop_old(const std::filesystem::path& parent, std::int64_t keep) {
  const std::vector<std::filesystem::path> folders = checkpoint_folders(parent);
  const auto extra =
      static_cast<std::ptrdiff_t>(folders.size()) - static_cast<std::ptrdiff_t>(keep);
  for (std::ptrdiff_t i = 0; i < extra; ++i) lldm::remove_all(folders[static_cast<std::size_t>(i)]);
}

/// JSON has no NaN: it is written as null.
double number(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

}  // namespace

void save_checkpoint(const std::filesystem::path& parent, const CheckpointState& state,
                     const std::vector<NamedParameter>& parameters, const AdamW& optimizer,
                     std::int64_t keep) {
  PublishedFolder folder(parent / step_name(state.step), IfPublished::replace);
  std::uint64_t bytes = 0;
  for (const NamedParameter& parameter : parameters) bytes += parameter.value.nbytes();
  for (const NamedParameter& moment : optimizer.state()) bytes += moment.value.nbytes();
  folder.require_space(bytes + (1U << 20));
  std::filesystem::create_directories(folder.path() / "model");
  std::filesystem::create_directories(folder.path() / "optim");
  save_safetensors(folder.path() / "model" / "weights.safetensors", as_map(parameters));
  save_safetensors(folder.path() / "optim" / "moments.safetensors", as_map(optimizer.state()));
  nlohmann::ordered_json json = {{"format", 1},
                                 {"step", state.step},
                                 {"identity", state.identity},
                                 {"tokenizer", state.tokenizer},
                                 {"best_step", state.best_step}};
  for (const auto& [name, mean] : state.since) json["since"][name] = {mean.sum, mean.count};
  if (state.adaptation.evaluations > 0)
    json["adaptation"] = {{"evaluations", state.adaptation.evaluations},
                          {"variance", state.adaptation.variance}};
  if (std::isfinite(state.best_validation)) json["best_validation"] = state.best_validation;
  folder.add("state.json", json.dump(2) + "\n");
  folder.publish();
  drop_old(parent, keep);
}

CheckpointState load_checkpoint(const std::filesystem::path& folder, const std::string& identity,
                                const std::string& tokenizer,
                                const std::vector<NamedParameter>& parameters, AdamW& optimizer) {
  require_whole_folder(folder);
  CheckpointState state;
  const auto json = load_json(folder / "state.json");
  with_json_errors((folder / "state.json").string(), [&] {
    state.step = json_integer(json.at("step"));
    state.identity = json.at("identity").get<std::string>();
    state.tokenizer = json.at("tokenizer").get<std::string>();
    state.best_step = json_integer(json.at("best_step"));
    if (const auto since = json.find("since"); since != json.end())
      for (const auto& [name, mean] : since->items())
        state.since[name] = {number(mean.at(0)), number(mean.at(1))};
    if (const auto adaptation = json.find("adaptation"); adaptation != json.end())
      state.adaptation = {json_integer(adaptation->at("evaluations")),
                          number(adaptation->at("variance"))};
    state.best_validation = json.value("best_validation", std::numeric_limits<double>::quiet_NaN());
  });
  if (state.identity != identity)
    throw DataError(message(folder.string(),
                            ": this checkpoint belongs to another stage or config\n",
                            "  checkpoint: ", state.identity.substr(0, 12),
                            "\n  this stage: ", identity.substr(0, 12)));
  if (state.tokenizer != tokenizer)
    throw DataError(message(folder.string(), ": this checkpoint was made with another tokenizer"));
  const PurposeScope scope(MemoryPurpose::staging);
  copy_into(load_safetensors(folder / "model" / "weights.safetensors"), parameters,
            folder / "model");
  std::vector<NamedParameter> moments;
  for (auto& [name, tensor] : load_safetensors(folder / "optim" / "moments.safetensors"))
    moments.push_back({name, tensor});
  optimizer.load_state(moments, state.step);
  return state;
}

void drop_checkpoints_after(const std::filesystem::path& parent, std::int64_t step) {
  for (const auto& folder : checkpoint_folders(parent))
    if (folder.filename().string() > step_name(step)) lldm::remove_all(folder);
}

std::filesystem::path newest_checkpoint(const std::filesystem::path& parent, Logger& logger) {
  const NewestComplete newest = newest_complete(parent);
  for (const auto& broken : newest.passed_over)
    for (const std::string& problem : broken.problems)
      logger.warning(message(broken.path.string(), " is passed over: ", problem));
  return newest.path.value_or(std::filesystem::path());
}

}  // namespace lldm
