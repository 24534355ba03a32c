// SPDX-License-Identifier: MIT
#include "lldm/model/model_options.hpp"

#include <algorithm>
#include <utility>

#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/model_folder.hpp"
#include "model/block_projections.hpp"
#include "model/family.hpp"

namespace lldm {
namespace {

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

/// Whether a matrix of any family's blocks has a name that ends in `target`.
bool names_a_matrix(const std::string& target) {
  for (const Family* family : families())
    for (const auto& part : kProjections) {
      const char* module = family->names.*part.module;
      if (!module) continue;
      const std::string name = message(family->names.block, "0.", module);
      // "layers.3.q_proj" names one block's.
      if (name == target || name.ends_with("." + target) || target.ends_with(message(".", module)))
        return true;
    }
  return false;
}

/// What `qkv_bias` means to the family: SMDM has no biases, Qwen2 and Dream always have these, and
/// Llama's and Qwen3's one switch turns that of the output on too.
void take_bias(const ModelOptions& options, TransformerConfig& config) {
  if (config.fused_qkv && options.qkv_bias)
    throw ConfigError(
        message("[model] qkv_bias = true: family \"", config.family, "\" has no biases"));
  config.output_bias = options.qkv_bias && family_of(config.family).biases_output;
  config.qkv_bias = config.qkv_bias || options.qkv_bias;
}

void check_tokens(const ModelOptions& options, const ModelTokens& tokens,
                  const TransformerConfig& config) {
  const auto where = message("model \"", options.path.string(), "\"");
  if (tokens.vocabulary_size > config.embedding_rows())
    throw ConfigError(message(where, ": the tokenizer has ", tokens.vocabulary_size,
                              " tokens, the model's embedding ", config.embedding_rows(), " rows"));
  if (tokens.mask && config.mask_token && *tokens.mask != *config.mask_token)
    throw ConfigError(message(where, ": the tokenizer's mask token is ", *tokens.mask,
                              ", the model's is ", *config.mask_token));
}

}  // namespace

void check_against_folder(const ModelOptions& options) {
  check_against_folder(options, load_model_config(options.path));
}

void check_against_folder(const ModelOptions& options, const TransformerConfig& config) {
  (void)family_defaults(options.family);
  const ModelOptions defaults;
  std::string complaints;
  const auto check = [&](const char* key, auto given, auto fallback, auto loaded) {
    if (given != fallback && given != loaded)
      complaints += message("\n  ", key, " = ", given, ", the folder has ", loaded);
  };
  check("family", options.family, defaults.family, config.family);
  check("width", options.width, defaults.width, config.width);
  check("layers", options.layers, defaults.layers, config.layers);
  check("heads", options.heads, defaults.heads, config.heads);
  check("kv_heads", options.kv_heads, defaults.kv_heads, config.kv_heads);
  check("mlp_width", options.mlp_width, defaults.mlp_width, config.mlp_width);
  if (options.vocab_size > 0) check("vocab_size", options.vocab_size, 0, config.vocabulary);
  if (options.max_length > config.max_length)
    complaints += message("\n  max_length = ", options.max_length, ", the folder has ",
                          config.max_length, "; less is legal");
  check("rope_theta", options.rope_theta, defaults.rope_theta, config.rope_theta);
  check("norm_eps", options.norm_eps, defaults.norm_eps, config.norm_eps);
  check("qkv_bias", options.qkv_bias, defaults.qkv_bias, config.qkv_bias);
  check("tie_head", options.tie_head, defaults.tie_head, config.tied_head);
  if (!complaints.empty())
    throw ConfigError(message("[model] keys that contradict path = \"", options.path.string(), "\"",
                              complaints,
                              "\n  leave them out: the folder's config.json has the sizes"));
}

/// Refuses keys of [model] that the folder's config.json contradicts, also where a key says what is
/// the default.
void check_given_sizes(const ModelOptions& options, const config::Value* given,
                       const std::filesystem::path& folder) {
  const TransformerConfig config = load_model_config(folder);
  ModelOptions named = options;
  named.path = folder;  // errors name it
  check_against_folder(named, config);
  if (!given) return;
  ModelOptions loaded = options;
  loaded.family = config.family;
  loaded.width = config.width;
  loaded.layers = config.layers;
  loaded.heads = config.heads;
  loaded.kv_heads = options.kv_heads == 0 ? 0 : config.kv_heads;
  loaded.mlp_width = options.mlp_width == 0 ? 0 : config.mlp_width;
  loaded.vocab_size = options.vocab_size == 0 ? 0 : config.vocabulary;
  loaded.rope_theta = config.rope_theta;
  loaded.norm_eps = config.norm_eps;
  loaded.qkv_bias = config.qkv_bias;
  loaded.tie_head = config.tied_head;
  const config::Value mine = config::write_options(options), theirs = config::write_options(loaded);
  for (const config::Member& member : given->as_table()) {
    const config::Member *own = mine.find(member.key), *is = theirs.find(member.key);
    if (own && is && config::to_toml(own->value) != config::to_toml(is->value))
      throw ConfigError(message(member.position.text(), ": [model] ", member.key, " = ",
                                config::to_toml(own->value), ", but ", folder.string(), " has ",
                                config::to_toml(is->value),
                                "\n  leave it out: the folder's "
                                "config.json has the sizes"));
  }
}

LoraOptions lora_options(const AdapterOptions& options) {
  return {.rank = options.rank,
          .alpha = options.alpha,
          .dropout = options.dropout,
          .is_rank_stabilized = options.rslora,
          .targets = options.targets};
}

void ModelOptions::check(config::OptionsCheck& check) const {
  const auto known = family_names();
  if (std::ranges::find(known, family) == known.end())
    check.error("family", message("family = \"", family, "\" does not exist"),
                "families: " + list_of(known));
  const AdapterOptions none;
  if (adapter.type == AdapterType::none &&
      (adapter.rank != none.rank || adapter.alpha != none.alpha ||
       adapter.dropout != none.dropout || adapter.rslora || !adapter.targets.empty() ||
       adapter.publish != none.publish))
    check.error("adapter", "adapter has keys and no type: nothing would read them",
                "adapter = { type = \"lora\", ... }");
  for (const std::string& target : adapter.targets)
    if (!names_a_matrix(target))
      check.error("adapter",
                  message("adapter: target \"", target, "\" names no matrix of a family"),
                  "such as \"q_proj\", \"down_proj\" (llama, qwen2, qwen3, dream), \"attn_out\", "
                  "\"ff_proj\" (llada), \"attn.attn\" (smdm)");
  const std::pair<const char*, std::int64_t> sizes[] = {
      {"width", width},          {"layers", layers},       {"heads", heads},
      {"kv_heads", kv_heads},    {"mlp_width", mlp_width}, {"vocab_size", vocab_size},
      {"max_length", max_length}};
  bool is_sane = true;
  for (const auto& [key, value] : sizes) {
    constexpr std::int64_t kMost = std::int64_t{1} << 31;
    if (value <= kMost) continue;
    check.error(key, message(key, " = ", value, " is no size of a model"),
                message("legal: at most ", kMost));
    is_sane = false;
  }
  if (!path.empty() || !is_sane) return;  // the folder has the sizes
  if (width % (2 * heads) != 0)
    check.error("width", message("width = ", width, " is no even multiple of heads = ", heads),
                message("legal: a multiple of ", 2 * heads));
  if (kv_heads > 0 && heads % kv_heads != 0)
    check.error("kv_heads", message("kv_heads = ", kv_heads, " does not divide heads = ", heads),
                "legal: a divisor of heads, or 0");
  if (tie_head && head_std != ModelOptions{}.head_std)
    check.warning("head_std", "head_std has no effect with tie_head = true",
                  "the head is the embedding: embedding_std");
}

Precision precision_of(const ModelOptions& options) {
  switch (options.dtype) {
    case ModelDtype::float64:
      return {at::kDouble, options.storage};
    case ModelDtype::bfloat16:
      return {at::kBFloat16, options.storage};
    case ModelDtype::float16:
      return {at::kHalf, options.storage};
    case ModelDtype::float32:
      break;
  }
  return {at::kFloat, options.storage};
}

TransformerConfig transformer_config(const ModelOptions& options, const ModelTokens& tokens) {
  TransformerConfig config = family_defaults(options.family);
  config.width = options.width;
  config.layers = options.layers;
  config.heads = options.heads;
  config.kv_heads = options.kv_heads > 0 ? options.kv_heads : options.heads;
  config.mlp_width =
      options.mlp_width > 0 ? options.mlp_width : (options.width * 8 / 3 + 15) / 16 * 16;
  if (options.vocab_size > 0 && tokens.vocabulary_size > options.vocab_size)
    throw ConfigError(message("[model] vocab_size = ", options.vocab_size, ": the tokenizer has ",
                              tokens.vocabulary_size, " ids\n  legal: at least as many, or 0"));
  const std::int64_t rows = options.vocab_size > 0 ? options.vocab_size : tokens.vocabulary_size;
  config.vocabulary = config.logit_columns = rows;
  // Where the family has a row behind those with a logit, that is the mask's.
  if (config.extra_rows == 1 && tokens.mask == rows - 1)
    config.vocabulary = config.logit_columns = rows - 1;
  config.max_length = options.max_length > 0 ? options.max_length : kFreshMaxLength;
  config.rope_theta = options.rope_theta;
  config.norm_eps = options.norm_eps;
  take_bias(options, config);
  config.tied_head = options.tie_head;
  config.mask_token = tokens.mask;
  config.end_of_text_token = tokens.end_of_text;
  config.padding_token = tokens.padding;
  check_config(config, "[model]");
  return config;
}

std::shared_ptr<Model> make_model(const ModelOptions& options, const ModelTokens& tokens,
                                  const Draws& draws, at::Device device) {
  const Precision precision = precision_of(options);
  if (options.exclude_mask_logit && !tokens.mask)
    throw ConfigError("[model] exclude_mask_logit = true: the tokenizer has no mask token");
  std::shared_ptr<Transformer> model;
  if (options.path.empty()) {
    const TransformerInit init{options.embedding_std, options.linear_gain, options.head_std};
    model = make_transformer(transformer_config(options, tokens), init, draws, precision, device);
  } else {
    const auto config = load_model_config(options.path);
    check_against_folder(options, config);
    check_tokens(options, tokens, config);
    model = load_transformer(options.path, {.precision = precision,
                                            .device = device,
                                            .max_length = options.max_length,
                                            .reading = WeightReading::read,
                                            .placement = {}});
    if (can_be_trained(precision.storage)) model->set_trainable(true);
  }
  if (options.exclude_mask_logit) model->exclude_logit(tokens.mask);
  model->set_recomputation(options.recomputation);
  return model;
}

}  // namespace lldm
