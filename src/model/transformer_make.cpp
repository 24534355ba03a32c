// SPDX-License-Identifier: MIT
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/adapter_folder.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/transformer.hpp"
#include "model/family.hpp"
#include "model/model_size.hpp"
#include "model/name_hash.hpp"

namespace lldm {
namespace {

/// `names`: of the model's embedding and head.
double initial_std(const std::string& name, const TensorNames& names, const at::Tensor& value,
                   const TransformerInit& init) {
  if (name == message(names.embedding, ".weight")) return init.embedding_std;
  if (name == message(names.head, ".weight")) return init.head_std;
  return init.linear_gain / std::sqrt(static_cast<double>(value.size(1)));
}

void initialise(const NamedParameter& parameter, const TensorNames& names,
                const TransformerInit& init, const Draws& draws) {
  at::Tensor value = parameter.value;
  if (value.dim() == 1) {
    value.fill_(parameter.name.ends_with(".bias") ? 0.0 : 1.0);
    return;
  }
  const double deviation = initial_std(parameter.name, names, value, init);
  auto stream = draws.stream(Purpose::initialise, 0, name_hash(parameter.name));
  // A piece at a time: a whole embedding in float64 would be the largest thing that a run holds.
  constexpr std::int64_t kPiece = std::int64_t{1} << 16;
  const at::Tensor flat = value.view(-1);
  const PurposeScope purpose(MemoryPurpose::staging);
  const auto fresh = at::empty({std::min(kPiece, flat.numel())}, at::TensorOptions(at::kDouble));
  double* numbers = fresh.mutable_data_ptr<double>();
  for (std::int64_t begin = 0; begin < flat.numel(); begin += kPiece) {
    const std::int64_t count = std::min(kPiece, flat.numel() - begin);
    for (std::int64_t i = 0; i < count; ++i) numbers[i] = deviation * stream.normal();
    flat.narrow(0, begin, count).copy_(fresh.narrow(0, 0, count));
  }
}

}  // namespace

std::shared_ptr<Transformer> make_transformer(const TransformerConfig& config,
                                              const TransformerInit& init, const Draws& draws,
                                              const Precision& precision, at::Device device) {
  check_config(config, "[model]");
  if (!can_be_trained(precision.storage))
    throw ConfigError(
        "[model] storage: fresh weights are trained, which takes storage = \"float32\" or "
        "\"bfloat16\"\n  set path to a folder whose weights stay as they are");
  if (device.is_cpu()) require_model_fits(shape_of(config), precision, "[model]");
  auto model = std::make_shared<Transformer>(config, precision, device);
  const TensorNames& names = family_of(config.family).names;
  for (const auto& parameter : model->parameters()) initialise(parameter, names, init, draws);
  model->set_trainable(true);
  return model;
}

std::shared_ptr<Transformer> clone_frozen(const Transformer& model,
                                          const WeightPlacement& placement) {
  if (model.has_adapter()) {
    auto copy = model.without_adapter();
    copy->set_adapter(model.adapter(), "clone_frozen");  // memory of its own
    return copy;
  }
  // Nobody can change codes, or weights that are streamed: they are shared.
  if (!can_be_trained(model.precision().storage) || model.is_streamed())
    return model.without_adapter();
  auto copy =
      std::make_shared<Transformer>(model.config(), model.precision(), model.device(), placement);
  const auto from = model.parameters();
  auto to = copy->parameters();
  for (std::size_t i = 0; i < from.size(); ++i) to[i].value.copy_(from[i].value.detach());
  copy->exclude_logit(model.excluded_logit());
  return copy;
}

std::shared_ptr<Model> Transformer::frozen_copy() const { return clone_frozen(*this); }

std::shared_ptr<Model> Transformer::frozen_copy_at(const WeightPlacement& placement) const {
  return clone_frozen(*this, placement);
}

std::string Transformer::config_text() const {
  return model_config_json(config_, dtype() == at::kDouble ? "float64" : "float32");
}

void Transformer::note_tokens(std::int64_t mask, std::int64_t end_of_text, std::int64_t padding) {
  if (mask >= 0) config_.mask_token = mask;
  if (end_of_text >= 0) config_.end_of_text_token = end_of_text;
  if (padding >= 0) config_.padding_token = padding;
}

void Transformer::save(const std::filesystem::path& folder) const {
  save_transformer(*this, folder);
  if (has_adapter()) lldm::save_adapter(adapter(), folder / "adapter");
}

std::shared_ptr<Model> load_model(const std::filesystem::path& folder, const LoadOptions& options) {
  return load_transformer(folder, options);
}

ModelShape load_model_shape(const std::filesystem::path& folder, std::int64_t max_length) {
  return shape_of(shortened(load_model_config(folder), max_length));
}

std::map<std::string, std::vector<std::int64_t>> tensor_shapes(const TransformerConfig& config) {
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const auto& parameter : Transformer(config, at::kFloat, at::kMeta).parameters())
    shapes[parameter.name] = parameter.value.sizes().vec();
  return shapes;
}

}  // namespace lldm
