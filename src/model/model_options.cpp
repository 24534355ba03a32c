// SPDX-License-Identifier: MIT
#include "lldm/model/model_options.hpp"

#include "lldm/errors.hpp"

namespace lldm {

std::vector<std::string> ModelOptions::not_runnable_yet() const {
  std::vector<std::string> missing;
  if (dtype == ModelDtype::bfloat16) missing.emplace_back("not runnable yet: [model] dtype = \"bfloat16\"");
  if (adapter.type == AdapterType::lora) missing.emplace_back("not runnable yet: [model] adapter = { type = \"lora\" }");
  if (recomputation) missing.emplace_back("not runnable yet: [model] recomputation = true");
  return missing;
}

LladaConfig ModelOptions::shape(std::int64_t vocabulary, std::int64_t mask_token,
                                std::int64_t end_of_text) const {
  LladaConfig config;
  config.d_model = width;
  config.n_layers = layers;
  config.n_heads = heads;
  config.n_kv_heads = kv_heads == 0 ? heads : kv_heads;
  config.mlp_hidden_size = mlp_width;
  config.vocab_size = config.embedding_size = vocabulary;
  config.max_sequence_length = max_length;
  config.rope_theta = rope_theta;
  config.rms_norm_eps = norm_epsilon;
  if (mask_token >= 0) config.mask_token_id = mask_token;
  if (end_of_text >= 0) config.eos_token_id = config.pad_token_id = end_of_text;
  check_config(config, "[model]");
  return config;
}

at::ScalarType ModelOptions::scalar_type() const {
  if (dtype == ModelDtype::bfloat16)
    throw ConfigError("[model] dtype = \"bfloat16\" is not runnable yet\n  legal now: float32, float64");
  return dtype == ModelDtype::float64 ? at::kDouble : at::kFloat;
}

}  // namespace lldm
