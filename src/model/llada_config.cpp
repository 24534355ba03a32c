// SPDX-License-Identifier: MIT
#include "lldm/model/llada_config.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "lldm/config/value.hpp"
#include "lldm/errors.hpp"
#include "lldm/text/nearest_name.hpp"
#include "lldm/text/utf8.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

using nlohmann::json;

// Keys whose value changes nothing here: initialisation, kernels, precision of the stored file,
// generation.
constexpr std::array kInformational = {
    "_name_or_path",     "alibi_bias_max",     "architectures", "attention_layer_norm_with_affine",
    "auto_map",          "bos_token_id",       "dtype",         "flash_attention",
    "flash_attn_varlen", "init_cutoff_factor", "init_device",   "init_fn",
    "init_std",          "precision",          "torch_dtype",   "transformers_version",
    "use_cache",
};

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

constexpr std::int64_t kMaxSize = std::int64_t{1} << 31;

// Collects every complaint, so that one reading shows them all.
class Reader {
 public:
  Reader(json values, std::string where) : values_(std::move(values)), where_(std::move(where)) {}

  std::int64_t size(const char* key, std::optional<std::int64_t> fallback = {}) {
    const auto value = whole(key);
    if (value && *value >= 1 && *value <= kMaxSize) return *value;
    if (!value && fallback && is_absent(key)) return *fallback;
    complain(key, is_absent(key) ? "is missing"
                                 : message("must be a whole number from 1 to ", kMaxSize, ", got ",
                                           text(key)));
    return 1;
  }
  std::optional<std::int64_t> token(const char* key) {
    if (is_absent(key)) return {};
    if (values_[key].is_array() && key == std::string_view("eos_token_id")) return first_token(key);
    const auto value = whole(key);
    if (value && *value >= 0 && *value < kMaxSize) return value;
    complain(key, message("must be a token id, from 0 to ", kMaxSize - 1, ", got ", text(key)));
    return {};
  }
  double positive(const char* key, double fallback) {
    if (is_absent(key)) return fallback;
    if (values_[key].is_number() && values_[key].get<double>() > 0)
      return values_[key].get<double>();
    complain(key, "must be a positive number, got " + text(key));
    return fallback;
  }
  bool flag(const char* key) {
    if (is_absent(key)) return false;
    if (!values_[key].is_boolean()) complain(key, "must be true or false, got " + text(key));
    return values_[key] == true;
  }
  void check_fixed(const Fixed& fixed) {
    used_.emplace_back(fixed.key);
    if (!is_absent(fixed.key) && values_[fixed.key] != fixed.value)
      complain(fixed.key,
               "= " + text(fixed.key) + " is not implemented; implemented: " + fixed.value.dump());
  }
  void check_unknown() {
    std::vector<std::string> known(kInformational.begin(), kInformational.end());
    known.insert(known.end(), used_.begin(), used_.end());
    for (const auto& item : values_.items())
      if (std::ranges::find(known, item.key()) == known.end()) {
        const auto near = nearest_name(item.key(), known);
        complaints_ += "\n  key " + config::in_quotes(item.key()) +
                       " is not one of a LLaDA config" +
                       (near ? "; did you mean \"" + *near + "\"?" : "");
      }
  }
  void complain(const char* key, const std::string& what) {
    complaints_ += std::string("\n  \"") + key + "\" " + what;
  }
  [[nodiscard]] bool is_absent(const char* key) {
    used_.emplace_back(key);
    return !values_.contains(key) || values_[key].is_null();
  }
  void finish() const {
    if (!complaints_.empty())
      throw DataError(where_ + ": not a model that lldm can run" + complaints_);
  }

 private:
  /// Of a list of ids (eos_token_id of some models) the first; all must be ids.
  std::optional<std::int64_t> first_token(const char* key) {
    for (const auto& id : values_[key])
      if (!id.is_number_integer() || id < 0) {
        complain(key, "must be a token id or a list of them, got " + text(key));
        return {};
      }
    if (values_[key].empty()) return {};
    return values_[key].front().get<std::int64_t>();
  }
  std::optional<std::int64_t> whole(const char* key) {
    if (is_absent(key) || !values_[key].is_number_integer()) return {};
    if (values_[key].is_number_unsigned() && values_[key].get<std::uint64_t>() >> 63 != 0)
      return {};
    return values_[key].get<std::int64_t>();
  }
  std::string text(const char* key) {
    return values_[key].is_structured() ? std::string(values_[key].type_name())
                                        : shortened(values_[key].dump(), 60);
  }

  json values_;
  std::string where_;
  std::string complaints_;
  std::vector<std::string> used_;
};

std::int64_t read_mlp_width(Reader& reader, std::int64_t d_model) {
  if (!reader.is_absent("mlp_hidden_size")) {
    (void)reader.size("mlp_ratio", 4);  // read by the original only where mlp_hidden_size is null
    return reader.size("mlp_hidden_size");
  }
  return d_model * reader.size("mlp_ratio", 4);
}

std::int64_t read_kv_heads(Reader& reader, std::int64_t n_heads) {
  const bool has_heads = !reader.is_absent("n_kv_heads");
  const bool has_flag = !reader.is_absent("multi_query_attention");
  const std::int64_t by_flag = reader.flag("multi_query_attention") ? 1 : n_heads;
  if (!has_heads) return by_flag;
  const auto heads = reader.size("n_kv_heads");
  if (has_flag && heads != by_flag)
    reader.complain("n_kv_heads", "contradicts multi_query_attention");
  return heads;
}

}  // namespace

std::int64_t LladaConfig::num_parameters() const {
  const std::int64_t qkv = d_model + 2 * kv_width();
  const std::int64_t block = qkv * d_model + (include_qkv_bias ? qkv : 0) + d_model * d_model +
                             3 * d_model * mlp_hidden_size + 2 * d_model;
  return (weight_tying ? 1 : 2) * embedding_size * d_model + n_layers * block + d_model;
}

namespace {

/// Weights and rotary tables.
double stored_values(const LladaConfig& config) {
  const auto width = static_cast<double>(config.d_model);
  const double qkv = width + 2 * width / static_cast<double>(config.n_heads) *
                                 static_cast<double>(config.n_kv_heads);
  const double block = qkv * (width + 1) + width * width +
                       3 * width * static_cast<double>(config.mlp_hidden_size) + 2 * width;
  const double embeddings =
      (config.weight_tying ? 1.0 : 2.0) * width * static_cast<double>(config.embedding_size);
  const double rotations =
      static_cast<double>(config.max_sequence_length) * width / static_cast<double>(config.n_heads);
  return embeddings + static_cast<double>(config.n_layers) * block + rotations;
}

}  // namespace

ModelShape shape_of(const LladaConfig& config) {
  constexpr double kCountable = 4e18;  // of an integer
  const double stored = stored_values(config);
  return {.parameters = stored < kCountable ? config.num_parameters()
                                            : std::numeric_limits<std::int64_t>::max(),
          .stored_values = stored,
          .width = config.d_model,
          .layers = config.n_layers,
          .heads = config.n_heads,
          .mlp_width = config.mlp_hidden_size,
          .vocabulary = config.embedding_size,
          .max_length = config.max_sequence_length,
          .mask_token = config.mask_token_id,
          .end_of_text_token = config.eos_token_id,
          .padding_token = config.pad_token_id};
}

void check_config(const LladaConfig& config, const std::string& where) {
  std::string complaints;
  const auto require = [&](bool holds, const std::string& what) {
    if (!holds) complaints += "\n  " + what;
  };
  const auto is_size = [](std::int64_t value) { return value >= 1 && value <= kMaxSize; };
  require(is_size(config.d_model) && is_size(config.n_layers) && is_size(config.n_heads) &&
              is_size(config.n_kv_heads) && is_size(config.mlp_hidden_size) &&
              is_size(config.vocab_size) && is_size(config.embedding_size) &&
              is_size(config.max_sequence_length),
          "every size must be in [1, 2^31]");
  if (!complaints.empty()) throw ConfigError(where + ": sizes that do not fit" + complaints);
  require(config.d_model % config.n_heads == 0 && config.d_model / config.n_heads % 2 == 0,
          message("width must be an even multiple of heads (RoPE turns pairs), got ",
                  config.d_model, " and ", config.n_heads));
  require(config.n_heads % config.n_kv_heads == 0,
          message("kv_heads must divide heads, got ", config.n_kv_heads, " and ", config.n_heads));
  require(config.embedding_size >= config.vocab_size,
          message("embedding_size must be at least vocab_size, got ", config.embedding_size,
                  " and ", config.vocab_size));
  require(config.rope_theta > 0, message("rope_theta must be positive, got ", config.rope_theta));
  require(config.rms_norm_eps > 0, message("norm_eps must be positive, got ", config.rms_norm_eps));
  for (const auto& id : {config.mask_token_id, config.eos_token_id, config.pad_token_id})
    require(!id || (*id >= 0 && *id < config.embedding_size),
            message("token id ", id.value_or(0), " is outside the embedding's ",
                    config.embedding_size, " rows"));
  if (!complaints.empty()) throw ConfigError(where + ": sizes that do not fit" + complaints);
}

LladaConfig parse_llada_config(std::string_view text, const std::string& where) {
  auto values = parse_json(text, where);
  if (!values.is_object()) throw DataError(where + ": must be a JSON object");
  Reader reader(std::move(values), where);
  LladaConfig config;
  config.d_model = reader.size("d_model");
  config.n_layers = reader.size("n_layers");
  config.n_heads = reader.size("n_heads");
  config.n_kv_heads = read_kv_heads(reader, config.n_heads);
  config.mlp_hidden_size = read_mlp_width(reader, config.d_model);
  config.vocab_size = reader.size("vocab_size");
  config.embedding_size = reader.size("embedding_size", config.vocab_size);
  config.max_sequence_length = reader.size("max_sequence_length");
  config.rope_theta = reader.positive("rope_theta", 10000.0);
  config.rms_norm_eps = reader.positive("rms_norm_eps", 1e-5);
  config.include_qkv_bias = reader.flag("include_qkv_bias");
  config.weight_tying = reader.flag("weight_tying");
  if (!reader.is_absent("tie_word_embeddings") &&
      reader.flag("tie_word_embeddings") != config.weight_tying)
    reader.complain("tie_word_embeddings", "contradicts weight_tying");
  config.mask_token_id = reader.token("mask_token_id");
  config.eos_token_id = reader.token("eos_token_id");
  config.pad_token_id = reader.token("pad_token_id");
  config.exclude_mask_logit = reader.flag("exclude_mask_logit");
  if (config.exclude_mask_logit && !config.mask_token_id)
    reader.complain("exclude_mask_logit", "needs \"mask_token_id\"");
  for (const auto& fixed : fixed_keys()) reader.check_fixed(fixed);
  reader.check_unknown();
  reader.finish();
  try {
    check_config(config, where);
  } catch (const ConfigError& error) {
    throw DataError(error.what());  // a file is wrong, not the experiment
  }
  return config;
}

std::string llada_config_json(const LladaConfig& config, std::string_view dtype) {
  json values = {
      {"architectures", {"LLaDAModelLM"}},
      {"auto_map",
       {{"AutoConfig", "configuration_llada.LLaDAConfig"},
        {"AutoModel", "modeling_llada.LLaDAModelLM"},
        {"AutoModelForCausalLM", "modeling_llada.LLaDAModelLM"}}},
      {"d_model", config.d_model},
      {"embedding_size", config.embedding_size},
      {"include_qkv_bias", config.include_qkv_bias},
      {"max_sequence_length", config.max_sequence_length},
      {"mlp_hidden_size", config.mlp_hidden_size},
      {"mlp_ratio", 4},
      {"n_heads", config.n_heads},
      {"n_kv_heads", config.n_kv_heads},
      {"n_layers", config.n_layers},
      {"rms_norm_eps", config.rms_norm_eps},
      {"rope_theta", config.rope_theta},
      {"torch_dtype", dtype},
      {"vocab_size", config.vocab_size},
      {"weight_tying", config.weight_tying},
  };
  for (const auto& fixed : fixed_keys()) values[fixed.key] = fixed.value;
  const auto token = [&](const char* key, const std::optional<std::int64_t>& id) {
    values[key] = id ? json(*id) : json(nullptr);
  };
  token("mask_token_id", config.mask_token_id);
  token("eos_token_id", config.eos_token_id);
  token("pad_token_id", config.pad_token_id);
  if (config.exclude_mask_logit) values["exclude_mask_logit"] = true;  // unknown to other readers
  return values.dump(2) + "\n";
}

}  // namespace lldm
