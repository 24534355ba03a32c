// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lldm/model/model_shape.hpp"

namespace lldm {

/// The shape of a LLaDA transformer, under the key names of its Hugging Face config.json.
struct LladaConfig {
  std::int64_t d_model = 64;
  std::int64_t n_layers = 3;
  std::int64_t n_heads = 8;
  std::int64_t n_kv_heads = 8;  // divides n_heads
  std::int64_t mlp_hidden_size = 176;
  std::int64_t vocab_size = 64;
  std::int64_t embedding_size =
      64;  // rows of the embedding and columns of the logits, >= vocab_size
  std::int64_t max_sequence_length = 1024;
  double rope_theta = 10000.0;
  double rms_norm_eps = 1e-5;
  bool include_qkv_bias = false;
  bool weight_tying = false;  // the head is the embedding
  std::optional<std::int64_t> mask_token_id = {};
  std::optional<std::int64_t> eos_token_id = {};
  std::optional<std::int64_t> pad_token_id = {};
  bool exclude_mask_logit = false;  // the mask token is taken out of the softmax (lldm's own key)

  bool operator==(const LladaConfig&) const = default;
  [[nodiscard]] std::int64_t head_width() const { return d_model / n_heads; }
  [[nodiscard]] std::int64_t kv_width() const { return head_width() * n_kv_heads; }
  /// Trainable numbers of the whole model.
  [[nodiscard]] std::int64_t num_parameters() const;
};

/// What everything outside model/ knows of it.
ModelShape shape_of(const LladaConfig& config);

/// Throws ConfigError, naming every size that does not fit the others, its text starting with
/// `where`.
void check_config(const LladaConfig& config, const std::string& where);

/// Reads a config.json.  A key that changes the computation and has a value that this transformer
/// does not implement is refused by name, and so is a key nobody here knows; keys of other concerns
/// (initialisation, dropout of 0, kernels, generation) are accepted.
///
/// Errors  DataError listing every key at once, its text starting with `where`.
/// Source  configuration_llada.py of GSAI-ML/LLaDA-8B-Instruct.
LladaConfig parse_llada_config(std::string_view json, const std::string& where);

/// The config.json that the original code reads back.  `dtype` is "float32" or "float64".
std::string llada_config_json(const LladaConfig& config, std::string_view dtype);

}  // namespace lldm
