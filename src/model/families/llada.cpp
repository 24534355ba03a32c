// SPDX-License-Identifier: MIT
// LLaDA: Nie et al. 2025, arXiv:2502.09992; configuration_llada.py and modeling_llada.py of
// GSAI-ML/LLaDA-8B-Instruct.
#include "lldm/errors.hpp"
#include "model/config_reader.hpp"
#include "model/family.hpp"

namespace lldm {
namespace {

using nlohmann::json;

struct Fixed {
  const char* key;
  json value;  // the only value implemented; also what an absent key means
};

const std::vector<Fixed>& fixed_keys() {
  static const std::vector<Fixed> keys = {
      {"activation_type", "silu"},
      {"alibi", false},
      {"attention_dropout", 0.0},
      {"attention_layer_norm", false},
      {"bias_for_layer_norm", false},
      {"block_group_size", 1},
      {"block_type", "llama"},
      {"embedding_dropout", 0.0},
      {"include_bias", false},
      {"input_emb_norm", false},
      {"layer_norm_type", "rms"},
      {"layer_norm_with_affine", true},
      {"model_type", "llada"},
      {"residual_dropout", 0.0},
      {"rope", true},
      {"rope_full_precision", true},
      {"scale_logits", false},
  };
  return keys;
}

std::int64_t read_mlp_width(ConfigReader& reader, std::int64_t width) {
  if (!reader.is_absent("mlp_hidden_size")) {
    (void)reader.size("mlp_ratio", 4);  // read by the original only where mlp_hidden_size is null
    return reader.size("mlp_hidden_size");
  }
  return width * reader.size("mlp_ratio", 4);
}

std::int64_t read_kv_heads(ConfigReader& reader, std::int64_t heads) {
  const bool has_heads = !reader.is_absent("n_kv_heads");
  const bool has_flag = !reader.is_absent("multi_query_attention");
  const std::int64_t by_flag = reader.flag("multi_query_attention") ? 1 : heads;
  if (!has_heads) return by_flag;
  const auto given = reader.size("n_kv_heads");
  if (has_flag && given != by_flag)
    reader.complain("n_kv_heads", "contradicts multi_query_attention");
  return given;
}

void read(ConfigReader& reader, TransformerConfig& config) {
  config.width = reader.size("d_model");
  config.layers = reader.size("n_layers");
  config.heads = reader.size("n_heads");
  config.kv_heads = read_kv_heads(reader, config.heads);
  config.mlp_width = read_mlp_width(reader, config.width);
  config.vocabulary = reader.size("vocab_size");
  config.logit_columns = reader.size("embedding_size", config.vocabulary);
  config.max_length = reader.size("max_sequence_length");
  config.rope_theta = reader.positive("rope_theta", 10000.0);
  config.norm_eps = reader.positive("rms_norm_eps", 1e-5);
  config.qkv_bias = reader.flag("include_qkv_bias");
  config.tied_head = reader.flag("weight_tying");
  if (!reader.is_absent("tie_word_embeddings") &&
      reader.flag("tie_word_embeddings") != config.tied_head)
    reader.complain("tie_word_embeddings", "contradicts weight_tying");
  config.mask_token = reader.token("mask_token_id");
  config.end_of_text_token = reader.token("eos_token_id");
  config.padding_token = reader.token("pad_token_id");
  for (const auto& fixed : fixed_keys()) reader.require(fixed.key, fixed.value);
  // Initialisation, kernels, precision of the stored file, generation.
  reader.accept({"_name_or_path", "alibi_bias_max", "architectures",
                 "attention_layer_norm_with_affine", "auto_map", "bos_token_id", "dtype",
                 "flash_attention", "flash_attn_varlen", "init_cutoff_factor", "init_device",
                 "init_fn", "init_std", "precision", "torch_dtype", "transformers_version",
                 "use_cache"});
}

json write(const TransformerConfig& config, std::string_view dtype) {
  json values = {
      {"architectures", {"LLaDAModelLM"}},
      {"auto_map",
       {{"AutoConfig", "configuration_llada.LLaDAConfig"},
        {"AutoModel", "modeling_llada.LLaDAModelLM"},
        {"AutoModelForCausalLM", "modeling_llada.LLaDAModelLM"}}},
      {"d_model", config.width},
      {"embedding_size", config.logit_columns},
      {"include_qkv_bias", config.qkv_bias},
      {"max_sequence_length", config.max_length},
      {"mlp_hidden_size", config.mlp_width},
      {"mlp_ratio", 4},
      {"n_heads", config.heads},
      {"n_kv_heads", config.kv_heads},
      {"n_layers", config.layers},
      {"rms_norm_eps", config.norm_eps},
      {"rope_theta", config.rope_theta},
      {"torch_dtype", dtype},
      {"vocab_size", config.vocabulary},
      {"weight_tying", config.tied_head},
  };
  for (const auto& fixed : fixed_keys()) values[fixed.key] = fixed.value;
  const auto token = [&](const char* key, const std::optional<std::int64_t>& id) {
    values[key] = id ? json(*id) : json(nullptr);
  };
  token("mask_token_id", config.mask_token);
  token("eos_token_id", config.end_of_text_token);
  token("pad_token_id", config.padding_token);
  return values;
}

}  // namespace

const Family& llada_family() {
  static const Family family{
      .name = "llada",
      .title = "LLaDA",
      .model_types = {"llada"},
      .architectures = {"LLaDAModelLM"},
      .has_keys_of = [](const json& values) { return values.contains("d_model"); },
      .names = {.embedding = "model.transformer.wte",
                .block = "model.transformer.blocks.",
                .final_norm = "model.transformer.ln_f",
                .head = "model.transformer.ff_out",
                .attn_norm = "attn_norm",
                .q_proj = "q_proj",
                .k_proj = "k_proj",
                .v_proj = "v_proj",
                .attn_out = "attn_out",
                .ff_norm = "ff_norm",
                .ff_proj = "ff_proj",
                .up_proj = "up_proj",
                .ff_out = "ff_out"},
      .defaults = {},
      .published_vocabulary = 126464,
      .read = read,
      .write = write};
  return family;
}

}  // namespace lldm
