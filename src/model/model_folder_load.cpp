// SPDX-License-Identifier: MIT
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <c10/core/GradMode.h>

#include <map>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/adapter_base.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/safetensors.hpp"
#include "model/foreign_folder.hpp"
#include "model/hashed_weights.hpp"
#include "model/hub_cache.hpp"
#include "model/model_size.hpp"
#include "model/model_source.hpp"
#include "model/weight_files.hpp"
#include "storage/input_file.hpp"

namespace lldm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;

void check_folder(const fs::path& folder) {
  std::error_code failure;
  if (fs::is_directory(folder, failure)) return;
  const auto name = folder.string();
  if (const auto snapshot = fs::exists(folder, failure) ? std::nullopt : cached_snapshot(folder))
    throw DataError(message("model \"", name, "\": no such folder\n  the hub's cache has it: set ",
                            "path = \"", snapshot->string(), "\""));
  if (is_hub_name(name) && !fs::exists(folder, failure))
    throw DataError(
        message("model \"", name,
                "\": no such folder\n  to fetch it from the Hugging Face hub: hf download ", name,
                " --local-dir ", folder.filename().string(), "\n  then set path = \"",
                folder.filename().string(), "\""));
  throw DataError(message("model \"", name, "\": no such folder"));
}

TransformerConfig config_of(const fs::path& folder) {
  const auto path = folder / "config.json";
  return parse_model_config(read_input(path, kMaxConfigBytes), path.string());
}

/// Errors  DataError if the folder's head is not the embedding that it is tied to.
void check_tied_head(const at::Tensor& head, const at::Tensor& embedding,
                     const TransformerConfig& config, const std::string& where) {
  if (head.sizes() == embedding.sizes() &&
      at::equal(head.to(embedding.scalar_type()), embedding.to(head.device())))
    return;
  throw DataError(message(where, ": tensor \"", head_name(config),
                          "\" is not the embedding, to which config.json ties it"));
}

void read_weights(const Shards& shards, const SealedFolder& sealed, const Transformer& model) {
  std::map<std::string, NamedWeight> target;
  at::Tensor tied_head;
  for (const auto& weight : model.weights()) target[weight.name] = weight;
  const WeightUse use{
      .wants_whole =
          [&](const std::string& tensor) {
            const auto place = target.find(tensor);
            return place == target.end() || !place->second.takes_pieces();
          },
      .take =
          [&](const std::string& tensor, std::int64_t first, const at::Tensor& values) {
            const auto place = target.find(tensor);
            if (place != target.end() && place->second.takes_pieces())
              place->second.assign_piece(first, values);
            else if (place != target.end())
              place->second.assign(values);
            else if (tensor == head_name(model.config()))
              tied_head = values;
          }};
  for (std::size_t i = 0; i < shards.files.size(); ++i)
    read_sealed_weights(shards.files[i], shards.paths[i], sealed, shards.names[i], use);
  if (tied_head.defined())
    check_tied_head(tied_head, model.weights().front().matrix.values(), model.config(),
                    shards.paths.front().parent_path().string());
}

std::shared_ptr<Transformer> load_checked(const fs::path& folder, const ModelSource& source,
                                          const LoadOptions& options) {
  const Precision& precision = options.precision;
  const auto config = shortened(config_of(folder), options.max_length);
  if (options.device.is_cpu())
    require_model_fits(shape_of(config), precision, (folder / "config.json").string());
  Complaints complaints;
  const auto shards = open_weights(source.weights, complaints, options.reading);
  check_tensors(shards, config, precision.rows(), complaints);
  complaints.finish(source.weights);

  auto model = std::make_shared<Transformer>(config, precision, options.device, options.placement);
  const c10::NoGradGuard no_gradient;
  const PurposeScope purpose(MemoryPurpose::staging);
  read_weights(shards, source.sealed, *model);
  if (config.exclude_mask_logit) model->exclude_logit(config.mask_token);
  if (!source.updates.empty()) model->set_adapter(source.updates, folder.string());
  return model;
}

}  // namespace

TransformerConfig load_model_config(const fs::path& folder) {
  check_folder(folder);
  refuse_foreign_folder(folder);
  const SealedFolder sealed(folder);
  sealed.check([](const std::string& name) { return name == "config.json"; });
  return with_remedy(folder, [&] { return config_of(folder); });
}

std::shared_ptr<Transformer> load_transformer(const fs::path& folder, const Precision& precision,
                                              at::Device device) {
  return load_transformer(folder, LoadOptions{.precision = precision, .device = device});
}

std::shared_ptr<Transformer> load_transformer(const fs::path& folder, const LoadOptions& options) {
  check_folder(folder);
  refuse_foreign_folder(folder);
  const SealedFolder sealed = checked_model_folder(folder);
  try {
    return with_remedy(folder, [&] { return load_checked(folder, model_source(folder), options); });
  } catch (const DataError&) {
    sealed.explain();  // if the files are not those that were written, that is the reason
    if (is_adapter_folder(folder)) explain_adapter_base(folder);
    throw;
  }
}

bool has_manifest(const fs::path& folder) { return fs::exists(folder / kManifestName); }

std::string unbound_note(const fs::path& folder) {
  return message(folder.string(), ": a model from elsewhere, without ", kManifestName,
                 ": its files are taken as they are");
}

}  // namespace lldm
