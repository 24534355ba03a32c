// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/model/model_shape.hpp"

namespace lldm {

/// How the frequencies of the rotary positions are stretched for longer texts.
/// Source  transformers, modeling_rope_utils.py: `linear` divides every frequency by `factor`,
///         `llama3` only the low ones, with a ramp between.
struct RopeScaling {
  enum class Kind : std::uint8_t { none, linear, llama3 };
  Kind kind = Kind::none;
  double factor = 1;
  double low_frequency_factor = 1;  // llama3 alone, as the two below
  double high_frequency_factor = 4;
  std::int64_t original_length = 0;

  bool operator==(const RopeScaling&) const = default;
};

/// The shape of a transformer and what its family switches on in it.  Everything that decides its
/// numbers beside the weights; a family's config.json has other names for the same (src/model/
/// families).
struct TransformerConfig {
  std::int64_t width = 64;
  std::int64_t layers = 3;
  std::int64_t heads = 8;
  std::int64_t kv_heads = 8;  // divides heads
  std::int64_t mlp_width = 176;
  std::int64_t vocabulary = 64;     // ids that the tokenizer names
  std::int64_t logit_columns = 64;  // rows of the head, >= vocabulary
  std::int64_t max_length = 1024;   // tokens
  std::int64_t full_length = 0;     // what config.json says where max_length is less; 0: the same
  double rope_theta = 10000.0;
  double norm_eps = 1e-5;
  bool qkv_bias = false;
  bool tied_head = false;  // the head is the embedding
  std::optional<std::int64_t> mask_token = {};
  std::optional<std::int64_t> end_of_text_token = {};
  std::optional<std::int64_t> padding_token = {};
  bool exclude_mask_logit = false;  // the mask token is taken out of the softmax

  std::string family = "llada";
  std::int64_t extra_rows = 0;        // of the embedding, behind those that have a logit
  std::int64_t given_head_width = 0;  // 0: width / heads
  bool output_bias = false;           // of the attention's output projection
  bool mlp_bias = false;              // of the three matrices of SwiGLU
  bool qk_norm = false;               // RMSNorm of every head's query and key, before the rotation
  bool fused_qkv = false;             // one matrix: per key head its queries, the key, the value
  bool shifted_logits = false;        // position i's prediction is read at i - 1
  bool rope_bfloat16 = false;         // cosines and sines are rounded to bfloat16
  RopeScaling rope_scaling = {};

  bool operator==(const TransformerConfig&) const = default;
  [[nodiscard]] std::int64_t head_width() const {
    return given_head_width > 0 ? given_head_width : width / heads;
  }
  [[nodiscard]] std::int64_t query_width() const { return head_width() * heads; }
  [[nodiscard]] std::int64_t kv_width() const { return head_width() * kv_heads; }
  [[nodiscard]] std::int64_t embedding_rows() const { return logit_columns + extra_rows; }
  /// Trainable numbers of the whole model.
  [[nodiscard]] std::int64_t num_parameters() const;
};

/// The names of the families, in the order in which messages list them.
std::vector<std::string> family_names();

/// What a family switches on, with sizes of no meaning.
/// Errors  ConfigError if there is no such family, naming those that exist.
TransformerConfig family_defaults(std::string_view family);

/// The same for texts of at most `max_length` tokens, where it takes longer ones (0: no limit);
/// config.json goes on saying what it said.
TransformerConfig shortened(TransformerConfig config, std::int64_t max_length);

/// What everything outside model/ knows of it.
ModelShape shape_of(const TransformerConfig& config);

/// Throws ConfigError, naming every size that does not fit the others, its text starting with
/// `where`.
void check_config(const TransformerConfig& config, const std::string& where);

/// Reads a config.json: the family by `model_type`, else by `architectures`, else by the keys it
/// has.  A key that changes the computation and has a value that this transformer does not
/// implement is refused by name, and so is a key nobody here knows; keys of other concerns
/// (initialisation, dropout of 0, kernels, generation) are accepted.  Two keys of lldm's own may
/// stand in any family's: "exclude_mask_logit" and "shifted_logits".
///
/// Errors  DataError: no family of lldm (mixtures of experts by that name), or every key that is
///         wrong at once, its text starting with `where`.
/// Source  configuration_llada.py, lit_gpt/config.py of SMDM, configuration_dream.py, and
///         configuration_{qwen2,qwen3,llama}.py of transformers.
TransformerConfig parse_model_config(std::string_view json, const std::string& where);

/// The config.json that the original code reads back.  `dtype` is "float32", "float64", "bfloat16"
/// or "float16": that of the weights beside it.
std::string model_config_json(const TransformerConfig& config, std::string_view dtype);

}  // namespace lldm
