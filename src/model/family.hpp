// SPDX-License-Identifier: MIT
// What tells one family of transformers from another: a table of names, and two functions for its
// config.json.  Everything else is a flag of TransformerConfig.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "lldm/model/transformer_config.hpp"

namespace lldm {

class ConfigReader;

/// The names of a folder's tensors without their endings ".weight" and ".bias"; those of a block
/// stand behind `block` and its number.
struct TensorNames {
  const char* embedding;
  const char* block;  // "model.layers."
  const char* final_norm;
  const char* head;

  const char* attn_norm;
  const char *q_proj, *k_proj, *v_proj;
  const char* qkv_proj = nullptr;  // where one matrix holds the three
  const char *q_norm = nullptr, *k_norm = nullptr;
  const char* attn_out;
  const char* ff_norm;
  const char *ff_proj, *up_proj, *ff_out;  // the gate (through SiLU), its factor, and out
};

struct Family {
  std::string_view name;   // of [model] family
  std::string_view title;  // in messages
  std::vector<std::string_view> model_types;
  std::vector<std::string_view> architectures;
  /// Whether a config.json without both of them is this family's, by its keys.
  bool (*has_keys_of)(const nlohmann::json&);
  TensorNames names;
  /// What the family switches on; sizes are those of TransformerConfig.
  TransformerConfig defaults;
  /// Of its published models, to plan with where the folder is not here: embedding rows, and the
  /// width of a head where that is not width / heads.
  std::int64_t published_vocabulary = 0, published_head_width = 0;
  /// Its switch for biases of q, k and v turns that of the attention's output on too.
  bool biases_output = false;
  void (*read)(ConfigReader&, TransformerConfig&);
  nlohmann::json (*write)(const TransformerConfig&, std::string_view dtype);
  /// The family's own code opens no folder without generation_config.json.
  bool wants_generation_config = false;
};

/// What generation_config.json says where the family's own code wants one: ids of special tokens.
/// Empty elsewhere.
std::string generation_config_json(const TransformerConfig& config);

/// Every family, in the order in which messages list them.
std::span<const Family* const> families();
/// Errors  ConfigError if there is no such family.
const Family& family_of(std::string_view name);

// One file each, in src/model/families.
const Family& llada_family();
const Family& smdm_family();
const Family& dream_family();
const Family& qwen2_family();
const Family& qwen3_family();
const Family& llama_family();

}  // namespace lldm
