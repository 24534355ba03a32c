// SPDX-License-Identifier: MIT
#include <ATen/ops/empty.h>

#include <cmath>

#include "lldm/errors.hpp"
#include "lldm/model/llada.hpp"
#include "lldm/model/model_folder.hpp"
#include "model/model_size.hpp"

namespace lldm {
namespace {

// FNV-1a: the name, not its place in a list, identifies a tensor's stream.
std::uint64_t hash(std::string_view name) {
  std::uint64_t value = 0xcbf29ce484222325ULL;
  for (const char c : name) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return value;
}

double initial_std(const std::string& name, const at::Tensor& value, const LladaInit& init) {
  if (name == "model.transformer.wte.weight") return init.embedding_std;
  if (name == "model.transformer.ff_out.weight") return init.head_std;
  return init.linear_gain / std::sqrt(static_cast<double>(value.size(1)));
}

void initialise(const NamedParameter& parameter, const LladaInit& init, const Draws& draws) {
  at::Tensor value = parameter.value;
  if (value.dim() == 1) {
    value.fill_(parameter.name.ends_with(".bias") ? 0.0 : 1.0);
    return;
  }
  const double deviation = initial_std(parameter.name, value, init);
  auto stream = draws.stream(Purpose::initialise, 0, hash(parameter.name));
  auto fresh = at::empty(value.sizes(), at::TensorOptions(at::kDouble));
  double* numbers = fresh.mutable_data_ptr<double>();
  for (std::int64_t i = 0; i < fresh.numel(); ++i) numbers[i] = deviation * stream.normal();
  value.copy_(fresh);
}

}  // namespace

std::shared_ptr<Llada> make_llada(const LladaConfig& config, const LladaInit& init,
                                  const Draws& draws, at::ScalarType dtype, at::Device device) {
  check_config(config, "[model]");
  if (device.is_cpu())
    require_model_fits(shape_of(config), static_cast<std::int64_t>(c10::elementSize(dtype)),
                       "[model]");
  auto model = std::make_shared<Llada>(config, dtype, device);
  for (const auto& parameter : model->parameters()) initialise(parameter, init, draws);
  model->set_trainable(true);
  return model;
}

std::shared_ptr<Llada> clone_frozen(const Llada& model) {
  auto copy = std::make_shared<Llada>(model.config(), model.dtype(), model.device());
  const auto from = model.parameters();
  auto to = copy->parameters();
  for (std::size_t i = 0; i < from.size(); ++i) to[i].value.copy_(from[i].value.detach());
  copy->exclude_logit(model.excluded_logit());
  return copy;
}

std::shared_ptr<Model> Llada::frozen_copy() const { return clone_frozen(*this); }

std::string Llada::config_text() const {
  return llada_config_json(config_, dtype() == at::kDouble ? "float64" : "float32");
}

void Llada::note_tokens(std::int64_t mask, std::int64_t end_of_text, std::int64_t padding) {
  if (mask >= 0) config_.mask_token_id = mask;
  if (end_of_text >= 0) config_.eos_token_id = end_of_text;
  if (padding >= 0) config_.pad_token_id = padding;
}

void Llada::save(const std::filesystem::path& folder) const { save_llada(*this, folder); }

std::shared_ptr<Model> load_model(const std::filesystem::path& folder, at::ScalarType dtype,
                                  at::Device device) {
  return load_llada(folder, dtype, device);
}

ModelShape load_model_shape(const std::filesystem::path& folder) {
  return shape_of(load_llada_config(folder));
}

std::map<std::string, std::vector<std::int64_t>> llada_tensor_shapes(const LladaConfig& config) {
  const std::int64_t width = config.d_model, kv = config.kv_width(), mlp = config.mlp_hidden_size;
  std::map<std::string, std::vector<std::int64_t>> shapes;
  shapes["model.transformer.wte.weight"] = {config.embedding_size, width};
  shapes["model.transformer.ln_f.weight"] = {width};
  if (!config.weight_tying)
    shapes["model.transformer.ff_out.weight"] = {config.embedding_size, width};
  for (std::int64_t i = 0; i < config.n_layers; ++i) {
    const auto prefix = message("model.transformer.blocks.", i, ".");
    for (const char* norm : {"attn_norm", "ff_norm"}) shapes[prefix + norm + ".weight"] = {width};
    shapes[prefix + "q_proj.weight"] = {width, width};
    shapes[prefix + "k_proj.weight"] = shapes[prefix + "v_proj.weight"] = {kv, width};
    shapes[prefix + "attn_out.weight"] = {width, width};
    shapes[prefix + "ff_proj.weight"] = shapes[prefix + "up_proj.weight"] = {mlp, width};
    shapes[prefix + "ff_out.weight"] = {width, mlp};
    if (!config.include_qkv_bias) continue;
    shapes[prefix + "q_proj.bias"] = {width};
    shapes[prefix + "k_proj.bias"] = shapes[prefix + "v_proj.bias"] = {kv};
  }
  return shapes;
}

}  // namespace lldm
