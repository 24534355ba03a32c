// SPDX-License-Identifier: MIT
// SMDM: Nie et al. 2024, arXiv:2410.18514; lit_gpt/diffmodel.py and config.py of ML-GSAI/SMDM.  Its
// checkpoints have no config.json: the keys are those of lit_gpt.Config, or "name" alone, as the
// original's scripts name a configuration.
#include <array>

#include "lldm/errors.hpp"
#include "model/config_reader.hpp"
#include "model/family.hpp"
#include "tokenizer/lit_gpt_config.hpp"

namespace lldm {
namespace {

using nlohmann::json;

/// A configuration of lit_gpt/config.py: Diff_LLaMA_<millions>M.
struct Published {
  std::int64_t millions, layers, heads, width, mlp_width;
};
constexpr std::array<Published, 30> kPublished = {{
    {6, 6, 4, 256, 1024},       {19, 8, 6, 384, 1536},      {34, 8, 8, 512, 2048},
    {48, 9, 9, 576, 2304},      {66, 10, 10, 640, 2560},    {85, 13, 10, 640, 2560},
    {75, 16, 8, 640, 1600},     {113, 12, 12, 768, 3072},   {142, 15, 12, 768, 3072},
    {170, 18, 12, 768, 3072},   {180, 14, 14, 896, 3584},   {206, 16, 14, 896, 3584},
    {231, 18, 14, 896, 3584},   {268, 16, 16, 1024, 4096},  {302, 18, 16, 1024, 4096},
    {336, 20, 16, 1024, 4096},  {472, 18, 10, 1280, 5120},  {551, 21, 10, 1280, 5120},
    {571, 18, 11, 1408, 5632},  {629, 24, 10, 1280, 5120},  {666, 21, 11, 1408, 5632},
    {717, 19, 12, 1536, 6144},  {761, 24, 11, 1408, 5632},  {831, 22, 12, 1536, 6144},
    {944, 25, 12, 1536, 6144},  {1028, 20, 14, 1792, 7168}, {1233, 24, 14, 1792, 7168},
    {1476, 22, 16, 2048, 8192}, {1678, 25, 16, 2048, 8192}, {2121, 28, 17, 2176, 8704},
}};

/// The sizes behind "name"; null where it is another's, or absent.
const Published* published_sizes(ConfigReader& reader) {
  if (reader.is_absent("name") || !reader.at("name").is_string()) return nullptr;
  const auto& name = reader.at("name").get_ref<const std::string&>();
  if (!name.starts_with(kSmdmName)) return nullptr;
  std::string list;
  for (const Published& sizes : kPublished) {
    if (name == message(kSmdmName, sizes.millions, "M")) return &sizes;
    list += message(list.empty() ? "" : ", ", sizes.millions, "M");
  }
  reader.complain("name", message("= \"", name, "\" is no configuration of SMDM; ", kSmdmName,
                                  " is followed by one of ", list));
  return nullptr;
}

void read(ConfigReader& reader, TransformerConfig& config) {
  using Size = std::optional<std::int64_t>;
  const Published* known = published_sizes(reader);
  const auto own = [&](std::int64_t Published::* size) {
    return known ? Size(known->*size) : std::nullopt;
  };
  config.width = reader.size("n_embd", own(&Published::width));
  config.layers = reader.size("n_layer", own(&Published::layers));
  config.heads = reader.size("n_head", own(&Published::heads));
  config.kv_heads = reader.size("n_query_groups", config.heads);
  config.mlp_width =
      reader.size("intermediate_size", own(&Published::mlp_width).value_or(4 * config.width));
  config.vocabulary = reader.size("vocab_size", known ? Size(kSmdmVocabulary) : std::nullopt);
  const std::int64_t multiple =
      reader.size("padding_multiple", known ? kSmdmMultiple : kLitGptMultiple);
  config.logit_columns =
      reader.size("padded_vocab_size", padded_vocabulary(config.vocabulary, multiple));
  config.max_length = reader.size("block_size", known ? Size(2048) : std::nullopt);
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
      .has_keys_of = has_lit_gpt_keys,
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
