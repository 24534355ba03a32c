// SPDX-License-Identifier: MIT
#include "lldm/train/checkpoint.hpp"

#include <ATen/core/Tensor.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/safetensors.hpp"
#include "lldm/storage/published_folder.hpp"
#include "lldm/tokenizer/special_names.hpp"
#include "model/hashed_weights.hpp"
#include "model/safetensors_dtype.hpp"
#include "text/json.hpp"
#include "train/newest_checkpoint.hpp"

namespace lldm {
namespace {

TensorMap as_map(const std::vector<NamedParameter>& tensors) {
  TensorMap map;
  for (const NamedParameter& tensor : tensors)
    map[tensor.name] = tensor.value.detach().to(at::Device(at::kCPU)).contiguous();
  return map;
}

/// The file's tensors are the targets': looked at before anything is changed.
void require_same(const SafetensorsFile& saved, const std::vector<NamedParameter>& targets,
                  const std::filesystem::path& path) {
  const auto& known = saved.header().tensors;
  for (const NamedParameter& target : targets) {
    const SafetensorsDtype* dtype = find_safetensors_dtype(target.value.scalar_type());
    const auto found = known.find(target.name);
    if (found == known.end() || found->second.shape != target.value.sizes() || dtype == nullptr ||
        found->second.dtype != dtype->name)
      throw DataError(message(path.string(), ": no tensor \"", target.name, "\" of shape ",
                              target.value.sizes(), " in ", target.value.scalar_type()));
  }
  if (known.size() != targets.size())
    throw DataError(message(path.string(), " holds ", known.size(), " tensors, the stage has ",
                            targets.size()));
}

/// A piece after the other: neither the file nor its largest tensor lies beside what it is copied
/// into, so that a run that fits into its budget can go on in it.
void copy_into(const SafetensorsFile& saved, const std::vector<NamedParameter>& targets) {
  const c10::NoGradGuard no_grad;
  for (const NamedParameter& target : targets) {
    at::Tensor value = target.value;
    if (!value.is_cpu() || !value.is_contiguous()) {
      value.copy_(saved.read(target.name));
      continue;
    }
    const at::Tensor flat = value.view(-1);
    saved.read_pieces(target.name, [&](std::int64_t first, const at::Tensor& numbers) {
      flat.narrow(0, first, numbers.numel()).copy_(numbers);
    });
  }
}

constexpr const char* kWeightsName = "model/weights.safetensors";
constexpr const char* kMomentsName = "optim/moments.safetensors";

/// JSON has no NaN: it is written as null.
double number(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

}  // namespace

void save_checkpoint(const std::filesystem::path& parent, const CheckpointState& state,
                     const std::vector<NamedParameter>& parameters, const Optimizer& optimizer,
                     std::int64_t keep) {
  const std::string what =
      message((parent / step_name(state.step)).string(), ": no checkpoint was saved: ");
  require_finite(parameters, what + "the weights are not finite");
  require_finite(optimizer.state(), what + "the optimizer's moments are not finite");
  PublishedFolder folder(parent / step_name(state.step), IfPublished::replace);
  std::uint64_t bytes = 0;
  for (const NamedParameter& parameter : parameters) bytes += parameter.value.nbytes();
  for (const NamedParameter& moment : optimizer.state()) bytes += moment.value.nbytes();
  folder.require_space(bytes + (1U << 20));
  std::filesystem::create_directories(folder.path() / "model");
  std::filesystem::create_directories(folder.path() / "optim");
  save_safetensors(folder.path() / kWeightsName, as_map(parameters));
  save_safetensors(folder.path() / kMomentsName, as_map(optimizer.state()));
  nlohmann::ordered_json json = {{"format", 1},
                                 {"step", state.step},
                                 {"identity", state.identity},
                                 {"tokenizer", state.tokenizer},
                                 {"best_step", state.best_step}};
  if (optimizer.name() != CheckpointState().optimizer) json["optimizer"] = optimizer.name();
  for (const SpecialRole& role : kSpecialRoles)
    if (state.special.*role.id >= 0) json["special"][role.key] = state.special.*role.id;
  if (!state.prompt_template.empty()) json["template"] = state.prompt_template;
  for (const auto& [name, mean] : state.since) json["since"][name] = {mean.sum, mean.count};
  if (state.adaptation.evaluations > 0)
    json["adaptation"] = {{"evaluations", state.adaptation.evaluations},
                          {"variance", state.adaptation.variance}};
  if (state.memory.is_any())
    json["memory_retries"] = {{"count", state.memory.count},
                              {"max_tokens_per_forward", state.memory.max_tokens_per_forward},
                              {"head_halvings", state.memory.head_halvings}};
  if (const LossScale& scale = state.loss_scale; scale.scale > 0)
    json["loss_scale"] = {{"scale", scale.scale},
                          {"finite_steps", scale.finite_steps},
                          {"skipped_steps", scale.skipped_steps}};
  if (std::isfinite(state.best_validation)) json["best_validation"] = state.best_validation;
  folder.add("state.json", json.dump(2) + "\n");
  folder.publish();
  note_saved(parent, state.step, keep);
}

namespace {

CheckpointState parsed_state(const std::string& text, const std::string& where) {
  CheckpointState state;
  with_json_errors(where, [&] {
    const auto json = parse_json(text, where);
    state.step = json_integer(json.at("step"));
    state.identity = json.at("identity").get<std::string>();
    state.tokenizer = json.at("tokenizer").get<std::string>();
    state.best_step = json_integer(json.at("best_step"));
    state.optimizer = json.value("optimizer", state.optimizer);
    state.prompt_template = json.value("template", "");
    if (const auto special = json.find("special"); special != json.end())
      for (const SpecialRole& role : kSpecialRoles)
        if (const auto id = special->find(role.key); id != special->end())
          state.special.*role.id = json_integer(*id);
    if (const auto since = json.find("since"); since != json.end())
      for (const auto& [name, mean] : since->items())
        state.since[name] = {number(mean.at(0)), number(mean.at(1))};
    if (const auto adaptation = json.find("adaptation"); adaptation != json.end())
      state.adaptation = {json_integer(adaptation->at("evaluations")),
                          number(adaptation->at("variance"))};
    if (const auto memory = json.find("memory_retries"); memory != json.end())
      state.memory = {json_integer(memory->at("count")),
                      json_integer(memory->at("max_tokens_per_forward")),
                      memory->value("head_halvings", std::int64_t{0})};
    if (const auto scale = json.find("loss_scale"); scale != json.end())
      state.loss_scale = {number(scale->at("scale")), json_integer(scale->at("finite_steps")),
                          json_integer(scale->at("skipped_steps"))};
    state.best_validation = json.value("best_validation", std::numeric_limits<double>::quiet_NaN());
  });
  return state;
}

/// Reads one of a checkpoint's files: it is what was written, and every number is finite.
void require_good(const std::filesystem::path& folder, const SealedFolder& sealed,
                  const std::string& name) {
  const SafetensorsFile file(folder / name);
  read_sealed_weights(file, folder / name, sealed, name,
                      {.wants_whole = [](const std::string&) { return false; },
                       .take = [](const std::string&, std::int64_t, const at::Tensor&) {}});
}

/// One pass over every file, before anything is changed, holding a piece of a tensor at a time.
CheckpointState checked_state(const std::filesystem::path& folder) {
  try {
    const SealedFolder sealed(folder);
    if (!sealed.has_manifest())
      throw DataError(message(folder.string(), ": ", kManifestName, ": missing"));
    require_good(folder, sealed, kWeightsName);
    require_good(folder, sealed, kMomentsName);
    return parsed_state(sealed.read("state.json"), (folder / "state.json").string());
  } catch (const DataError& error) {
    throw DamagedCheckpoint(error.what());
  } catch (const FileError& error) {
    throw DamagedCheckpoint(error.what());
  }
}

}  // namespace

CheckpointState load_checkpoint(const std::filesystem::path& folder, const std::string& identity,
                                const std::string& tokenizer,
                                const std::vector<NamedParameter>& parameters,
                                Optimizer& optimizer) {
  const PurposeScope scope(MemoryPurpose::staging);
  const CheckpointState state = checked_state(folder);
  if (state.optimizer != optimizer.name())
    throw DataError(message(folder.string(), ": this checkpoint holds the states of optimizer \"",
                            state.optimizer, "\", this stage has type = \"", optimizer.name(),
                            "\""));
  if (state.identity != identity)
    throw DataError(message(folder.string(),
                            ": this checkpoint belongs to another stage or config\n",
                            "  checkpoint: ", state.identity.substr(0, 12),
                            "\n  this stage: ", identity.substr(0, 12)));
  if (state.tokenizer != tokenizer)
    throw DataError(message(folder.string(), ": this checkpoint was made with another tokenizer"));
  const std::vector<NamedParameter> moments = optimizer.state();
  const SafetensorsFile of_weights(folder / kWeightsName), of_moments(folder / kMomentsName);
  require_same(of_weights, parameters, folder / kWeightsName);
  require_same(of_moments, moments, folder / kMomentsName);
  copy_into(of_weights, parameters);
  copy_into(of_moments, moments);
  optimizer.resume_at(state.step - state.loss_scale.skipped_steps);
  return state;
}

}  // namespace lldm
