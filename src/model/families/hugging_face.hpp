// SPDX-License-Identifier: MIT
// What the families of the transformers library have in common: names of tensors, most keys of
// config.json.
#pragma once

#include "model/config_reader.hpp"
#include "model/family.hpp"

namespace lldm {

/// Values of absent keys, as the family's configuration class has them.
struct HuggingFaceDefaults {
  std::int64_t max_length;
  double norm_eps = 1e-6;
  double rope_theta = 10000.0;
  std::int64_t head_width = 0;  // 0: width / heads
};

/// "model.layers.N.self_attn.q_proj" and so on; with `has_qk_norm` also the norms of q and k.
TensorNames hugging_face_names(bool has_qk_norm);

/// Sizes, rotary positions, special ids, and the keys of every PretrainedConfig.
void read_hugging_face(ConfigReader& reader, TransformerConfig& config,
                       const HuggingFaceDefaults& defaults);

/// Whether dLLM made a diffusion model of an autoregressive one: then it predicts in place.
bool is_converted(ConfigReader& reader);

nlohmann::json write_hugging_face(const TransformerConfig& config, std::string_view dtype);

}  // namespace lldm
