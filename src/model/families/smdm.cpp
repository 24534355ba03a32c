// SPDX-License-Identifier: MIT
// SMDM: Nie et al. 2024, arXiv:2410.18514; lit_gpt/diffmodel.py and config.py of ML-GSAI/SMDM.  Its
// checkpoints have no config.json: the keys are those of lit_gpt.Config.
#include "lldm/errors.hpp"
#include "model/config_reader.hpp"
#include "model/family.hpp"

namespace lldm {
namespace {

using nlohmann::json;

void read(ConfigReader& reader, TransformerConfig& config) {
  config.width = reader.size("n_embd");
  config.layers = reader.size("n_layer");
  config.heads = reader.size("n_head");
  config.kv_heads = reader.size("n_query_groups", config.heads);
  config.mlp_width = reader.size("intermediate_size", 4 * config.width);
  config.vocabulary = reader.size("vocab_size");
  const std::int64_t multiple = reader.size("padding_multiple", 512);
  const std::int64_t padded = (config.vocabulary + multiple - 1) / multiple * multiple;
  config.logit_columns = reader.size("padded_vocab_size", padded);
  config.max_length = reader.size("block_size");
  config.norm_eps = reader.positive("norm_eps", 1e-5);
  config.rope_theta = reader.positive("rope_theta", 10000.0);  // lldm's own: the original has 10000
  const double condense = reader.positive("condense_ratio", 1.0);
  if (condense != 1.0) config.rope_scaling = {RopeScaling::Kind::linear, condense};
  // The row behind those that have a logit.
  config.mask_token = reader.token("mask_token_id").value_or(config.logit_columns);
  config.end_of_text_token = reader.token("eos_token_id");
  config.padding_token = reader.token("pad_token_id");
  reader.require("model_type", "smdm");
  reader.require("rotary_percentage", 1.0);
  reader.require("parallel_residual", false);
  reader.require("shared_attention_norm", false);
  reader.require("bias", false);
  reader.require_any("_norm_class", {"FusedRMSNorm", "RMSNorm"});
  reader.require("_mlp_class", "LLaMAMLP");
  reader.accept({"architectures", "dtype", "head_size", "name", "org", "torch_dtype"});
}

json write(const TransformerConfig& config, std::string_view dtype) {
  const bool is_condensed = config.rope_scaling.kind == RopeScaling::Kind::linear;
  json values = {
      {"_mlp_class", "LLaMAMLP"},
      {"_norm_class", "FusedRMSNorm"},
      {"bias", false},
      {"block_size", config.max_length},
      {"condense_ratio", is_condensed ? config.rope_scaling.factor : 1.0},
      {"intermediate_size", config.mlp_width},
      {"mask_token_id", config.mask_token.value_or(config.logit_columns)},
      {"model_type", "smdm"},
      {"n_embd", config.width},
      {"n_head", config.heads},
      {"n_layer", config.layers},
      {"n_query_groups", config.kv_heads},
      {"norm_eps", config.norm_eps},
      {"padded_vocab_size", config.logit_columns},
      {"parallel_residual", false},
      {"rotary_percentage", 1.0},
      {"shared_attention_norm", false},
      {"torch_dtype", dtype},
      {"vocab_size", config.vocabulary},
  };
  if (config.rope_theta != 10000.0) values["rope_theta"] = config.rope_theta;
  if (config.end_of_text_token) values["eos_token_id"] = *config.end_of_text_token;
  if (config.padding_token) values["pad_token_id"] = *config.padding_token;
  return values;
}

}  // namespace

const Family& smdm_family() {
  static const Family family{
      .name = "smdm",
      .title = "SMDM",
      .model_types = {"smdm"},
      .architectures = {"TransEncoder"},
      .has_keys_of =
          [](const json& values) {
            return values.contains("n_embd") && values.contains("_mlp_class");
          },
      .names = {.embedding = "transformer.wte",
                .block = "transformer.h.",
                .final_norm = "transformer.ln_f",
                .head = "lm_head",
                .attn_norm = "norm_1",
                .q_proj = nullptr,
                .k_proj = nullptr,
                .v_proj = nullptr,
                .qkv_proj = "attn.attn",
                .attn_out = "attn.proj",
                .ff_norm = "norm_2",
                .ff_proj = "mlp.swiglu.w1",
                .up_proj = "mlp.swiglu.w2",
                .ff_out = "mlp.swiglu.w3"},
      .defaults = {.family = "smdm", .extra_rows = 1, .fused_qkv = true, .rope_bfloat16 = true},
      .published_vocabulary = 32001,
      .read = read,
      .write = write};
  return family;
}

}  // namespace lldm
