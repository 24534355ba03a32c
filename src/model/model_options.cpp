// SPDX-License-Identifier: MIT
#include "lldm/model/model_options.hpp"

#include <utility>

#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/model_folder.hpp"

namespace lldm {
namespace {

at::ScalarType checked_dtype(const ModelOptions& options) {
  if (options.family != "llada")
    throw ConfigError(
        message("[model] family = \"", options.family, "\" does not exist\n  families: llada"));
  if (options.dtype == ModelDtype::bfloat16)
    throw ConfigError(
        "[model] dtype = \"bfloat16\": not runnable yet\n  runnable: float32, float64");
  return options.dtype == ModelDtype::float64 ? at::kDouble : at::kFloat;
}

void check_tokens(const ModelOptions& options, const ModelTokens& tokens,
                  const LladaConfig& config) {
  const auto where = message("model \"", options.path.string(), "\"");
  if (tokens.vocabulary_size > config.embedding_size)
    throw ConfigError(message(where, ": the tokenizer has ", tokens.vocabulary_size,
                              " tokens, the model's embedding ", config.embedding_size, " rows"));
  if (tokens.mask && config.mask_token_id && *tokens.mask != *config.mask_token_id)
    throw ConfigError(message(where, ": the tokenizer's mask token is ", *tokens.mask,
                              ", the model's is ", *config.mask_token_id));
}

}  // namespace

void check_against_folder(const ModelOptions& options) {
  check_against_folder(options, load_llada_config(options.path));
}

void check_against_folder(const ModelOptions& options, const LladaConfig& config) {
  (void)checked_dtype(options);
  const ModelOptions defaults;
  std::string complaints;
  const auto check = [&](const char* key, auto given, auto fallback, auto loaded) {
    if (given != fallback && given != loaded)
      complaints += message("\n  ", key, " = ", given, ", the folder has ", loaded);
  };
  check("width", options.width, defaults.width, config.d_model);
  check("layers", options.layers, defaults.layers, config.n_layers);
  check("heads", options.heads, defaults.heads, config.n_heads);
  check("kv_heads", options.kv_heads, defaults.kv_heads, config.n_kv_heads);
  check("mlp_width", options.mlp_width, defaults.mlp_width, config.mlp_hidden_size);
  check("max_length", options.max_length, defaults.max_length, config.max_sequence_length);
  check("rope_theta", options.rope_theta, defaults.rope_theta, config.rope_theta);
  check("norm_eps", options.norm_eps, defaults.norm_eps, config.rms_norm_eps);
  check("qkv_bias", options.qkv_bias, defaults.qkv_bias, config.include_qkv_bias);
  check("tie_head", options.tie_head, defaults.tie_head, config.weight_tying);
  if (!complaints.empty())
    throw ConfigError(message("[model] keys that contradict path = \"", options.path.string(), "\"",
                              complaints,
                              "\n  leave them out: the folder's config.json has the sizes"));
}

/// Refuses keys of [model] that the folder's config.json contradicts, also where a key says what is
/// the default.
void check_given_sizes(const ModelOptions& options, const config::Value* given,
                       const std::filesystem::path& folder) {
  const LladaConfig config = load_llada_config(folder);
  check_against_folder(options, config);
  if (!given) return;
  ModelOptions loaded = options;
  loaded.width = config.d_model;
  loaded.layers = config.n_layers;
  loaded.heads = config.n_heads;
  loaded.kv_heads = options.kv_heads == 0 ? 0 : config.n_kv_heads;
  loaded.mlp_width = options.mlp_width == 0 ? 0 : config.mlp_hidden_size;
  loaded.max_length = config.max_sequence_length;
  loaded.rope_theta = config.rope_theta;
  loaded.norm_eps = config.rms_norm_eps;
  loaded.qkv_bias = config.include_qkv_bias;
  loaded.tie_head = config.weight_tying;
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

void ModelOptions::check(config::OptionsCheck& check) const {
  if (family != "llada")
    check.error("family", message("family = \"", family, "\" does not exist"), "families: llada");
  const std::pair<const char*, std::int64_t> sizes[] = {
      {"width", width},       {"layers", layers},       {"heads", heads},
      {"kv_heads", kv_heads}, {"mlp_width", mlp_width}, {"max_length", max_length}};
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

std::vector<std::string> ModelOptions::not_runnable_yet() const {
  std::vector<std::string> missing;
  const auto add = [&](const char* key) {
    missing.push_back(message("not runnable yet: [model] ", key));
  };
  if (dtype == ModelDtype::bfloat16) add("dtype = \"bfloat16\"");
  if (adapter.type == AdapterType::lora) add("adapter = { type = \"lora\" }");
  if (recomputation) add("recomputation = true");
  return missing;
}

LladaConfig llada_config(const ModelOptions& options, const ModelTokens& tokens) {
  (void)checked_dtype(options);
  LladaConfig config;
  config.d_model = options.width;
  config.n_layers = options.layers;
  config.n_heads = options.heads;
  config.n_kv_heads = options.kv_heads > 0 ? options.kv_heads : options.heads;
  config.mlp_hidden_size =
      options.mlp_width > 0 ? options.mlp_width : (options.width * 8 / 3 + 15) / 16 * 16;
  config.vocab_size = config.embedding_size = tokens.vocabulary_size;
  config.max_sequence_length = options.max_length;
  config.rope_theta = options.rope_theta;
  config.rms_norm_eps = options.norm_eps;
  config.include_qkv_bias = options.qkv_bias;
  config.weight_tying = options.tie_head;
  config.mask_token_id = tokens.mask;
  config.eos_token_id = tokens.end_of_text;
  config.pad_token_id = tokens.padding;
  check_config(config, "[model]");
  return config;
}

std::shared_ptr<Model> make_model(const ModelOptions& options, const ModelTokens& tokens,
                                  const Draws& draws, at::Device device) {
  const auto dtype = checked_dtype(options);
  if (options.exclude_mask_logit && !tokens.mask)
    throw ConfigError("[model] exclude_mask_logit = true: the tokenizer has no mask token");
  std::shared_ptr<Llada> model;
  if (options.path.empty()) {
    const LladaInit init{options.embedding_std, options.linear_gain, options.head_std};
    model = make_llada(llada_config(options, tokens), init, draws, dtype, device);
  } else {
    const auto config = load_llada_config(options.path);
    check_against_folder(options, config);
    check_tokens(options, tokens, config);
    model = load_llada(options.path, dtype, device);
    model->set_trainable(true);
  }
  if (options.exclude_mask_logit) model->exclude_logit(tokens.mask);
  return model;
}

namespace {

/// Whether [model] gives a size, for a folder that is not here.
bool has_sizes(const ModelOptions& model) {
  const ModelOptions none;
  return model.width != none.width || model.layers != none.layers || model.heads != none.heads ||
         model.mlp_width != none.mlp_width || model.max_length != none.max_length;
}

}  // namespace

ModelShape planned_shape(const ModelOptions& model, const std::filesystem::path& from,
                         std::string& note) {
  // Ids of a model whose tokenizer is not made yet (words): enough for the tasks that ship.
  constexpr std::int64_t kAssumedVocabulary = 128;
  constexpr std::int64_t kLladaVocabulary = 126464;
  const std::filesystem::path folder = from.empty() ? model.path : from;
  if (!folder.empty() && std::filesystem::exists(folder / "config.json"))
    return load_model_shape(folder);
  ModelOptions shape = model;
  shape.dtype = ModelDtype::float32;
  if (folder.empty()) return shape_of(llada_config(shape, {.vocabulary_size = kAssumedVocabulary}));
  shape.path.clear();
  if (has_sizes(model)) {
    note = message("  ", folder.string(), " is not here: planned with the sizes of [model] and ",
                   kLladaVocabulary, " ids\n");
  } else {
    note = message("  ", folder.string(), " is not here: planned with LLaDA-8B's shape\n");
    shape.width = 4096;
    shape.layers = shape.heads = 32;
    shape.mlp_width = 12288;
  }
  return shape_of(llada_config(shape, {.vocabulary_size = kLladaVocabulary}));
}

}  // namespace lldm
