// SPDX-License-Identifier: MIT
#include "lldm/model/transformer_config.hpp"

#include <algorithm>
#include <limits>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "model/config_reader.hpp"
#include "model/family.hpp"
#include "text/json.hpp"

namespace lldm {
namespace {

using nlohmann::json;

std::string list_of_families() {
  std::string list;
  for (const auto& name : family_names()) list += (list.empty() ? "" : ", ") + name;
  return list;
}

/// A key of a mixture of experts with more than one of them; null if there is none.
const char* expert_key(const json& values) {
  for (const char* key : {"num_experts", "num_local_experts", "n_routed_experts",
                          "num_experts_per_tok", "moe_intermediate_size"})
    if (values.contains(key) && values[key].is_number() && values[key].get<double>() > 1)
      return key;
  return nullptr;
}

void refuse_experts(const json& values, const std::string& type, const std::string& where) {
  std::string lower = type;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const char* key = expert_key(values);
  const bool is_named = lower.find("moe") != std::string::npos || lower == "mixtral";
  if (!key && !is_named) return;
  throw DataError(
      message(where, ": a mixture of experts, which lldm does not run (",
              key ? message("\"", key, "\" = ", values[key].dump()) : message("\"", type, "\""),
              ")", "\n  families: ", list_of_families(), ", each with one MLP a block"));
}

template <class Names>
const Family* family_with(Names Family::* names, const std::string& name) {
  for (const Family* family : families())
    if (std::ranges::find(family->*names, name) != (family->*names).end()) return family;
  return nullptr;
}

const Family& pick_family(const json& values, const std::string& where) {
  const auto text = [](const json& value) {
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  const std::string type = text(values.value("model_type", json()));
  const json list = values.value("architectures", json());
  const std::string architecture =
      list.is_array() && !list.empty() ? text(list.front()) : std::string();
  refuse_experts(values, type.empty() ? architecture : type, where);
  if (const Family* family = family_with(&Family::model_types, type)) return *family;
  if (const Family* family = family_with(&Family::architectures, architecture);
      family && type.empty())
    return *family;
  if (type.empty() && architecture.empty()) {
    for (const Family* family : families())
      if (family->has_keys_of && family->has_keys_of(values)) return *family;
    return llada_family();  // whose messages name the keys that are missing
  }
  throw DataError(message(where, ": ",
                          type.empty() ? message("\"architectures\" = [\"", architecture, "\"]")
                                       : message("\"model_type\" = \"", type, "\""),
                          " is no family that lldm runs\n  families: ", list_of_families()));
}

}  // namespace

namespace {

/// Counted in integers, or in doubles where the sizes of a file may be anything.
template <class Number>
struct Counts {
  explicit Counts(const TransformerConfig& config)
      : width(static_cast<Number>(config.width)),
        head(config.given_head_width > 0 ? static_cast<Number>(config.given_head_width)
                                         : width / static_cast<Number>(config.heads)),
        queries(head * static_cast<Number>(config.heads)),
        qkv(queries + 2 * head * static_cast<Number>(config.kv_heads)) {
    const auto mlp = static_cast<Number>(config.mlp_width);
    const Number biases = (config.qkv_bias ? qkv : 0) + (config.output_bias ? width : 0) +
                          (config.mlp_bias ? 2 * mlp + width : 0) + (config.qk_norm ? 2 * head : 0);
    const Number block = qkv * width + width * queries + 3 * width * mlp;
    const Number rows = static_cast<Number>(config.embedding_rows()) +
                        (config.tied_head ? 0 : static_cast<Number>(config.logit_columns));
    const auto layers = static_cast<Number>(config.layers);
    embedding = rows * width;
    matrices = layers * block;
    matrix_rows = layers * (qkv + 2 * width + 2 * mlp);
    parameters = embedding + matrices + layers * (biases + 2 * width) + width;
    tables = static_cast<Number>(config.max_length) * head;  // cosines and sines of half a head
  }

  Number width, head, queries, qkv;
  Number parameters = 0, tables = 0, embedding = 0, matrices = 0, matrix_rows = 0;
};

}  // namespace

std::int64_t TransformerConfig::num_parameters() const {
  return Counts<std::int64_t>(*this).parameters;
}

TransformerConfig shortened(TransformerConfig config, std::int64_t max_length) {
  if (max_length <= 0 || max_length >= config.max_length) return config;
  if (config.full_length == 0) config.full_length = config.max_length;
  config.max_length = max_length;
  return config;
}

ModelShape shape_of(const TransformerConfig& config) {
  constexpr double kCountable = 4e18;  // of an integer
  const Counts<double> counts(config);
  const double stored = counts.parameters + counts.tables;
  const bool is_countable = stored < kCountable;
  return {.parameters =
              is_countable ? config.num_parameters() : std::numeric_limits<std::int64_t>::max(),
          .table_values = is_countable ? Counts<std::int64_t>(config).tables : 0,
          .stored_values = stored,
          .matrix_values = counts.matrices,
          .matrix_rows = counts.matrix_rows,
          .embedding_values = counts.embedding,
          .width = config.width,
          .layers = config.layers,
          .heads = config.heads,
          .attention_width = config.query_width(),
          .mlp_width = config.mlp_width,
          .vocabulary = config.embedding_rows(),
          .max_length = config.max_length,
          .mask_token = config.mask_token,
          .end_of_text_token = config.end_of_text_token,
          .padding_token = config.padding_token,
          .kv_heads = config.kv_heads,
          .head_width = config.head_width(),
          .logit_columns = config.logit_columns,
          .has_heads_norm = config.qk_norm,
          .has_fused_qkv = config.fused_qkv,
          .is_head_tied = config.tied_head};
}

void check_config(const TransformerConfig& config, const std::string& where) {
  std::string complaints;
  const auto require = [&](bool holds, const std::string& what) {
    if (!holds) complaints += "\n  " + what;
  };
  const auto is_size = [](std::int64_t value) { return value >= 1 && value <= kMaxModelSize; };
  require(is_size(config.width) && is_size(config.layers) && is_size(config.heads) &&
              is_size(config.kv_heads) && is_size(config.mlp_width) && is_size(config.vocabulary) &&
              is_size(config.logit_columns) && is_size(config.max_length),
          "every size must be in [1, 2^31]");
  if (!complaints.empty()) throw ConfigError(where + ": sizes that do not fit" + complaints);
  if (config.given_head_width > 0)
    require(config.given_head_width <= kMaxModelSize && config.given_head_width % 2 == 0,
            message("the width of a head must be even (RoPE turns pairs), got ",
                    config.given_head_width));
  else
    require(config.width % config.heads == 0 && config.width / config.heads % 2 == 0,
            message("width must be an even multiple of heads (RoPE turns pairs), got ",
                    config.width, " and ", config.heads));
  require(config.heads % config.kv_heads == 0,
          message("kv_heads must divide heads, got ", config.kv_heads, " and ", config.heads));
  require(config.logit_columns >= config.vocabulary,
          message("embedding_size must be at least vocab_size, got ", config.logit_columns, " and ",
                  config.vocabulary));
  require(config.extra_rows == 0 || !config.tied_head,
          "a tied head has as many rows as the embedding");
  require(config.rope_theta > 0, message("rope_theta must be positive, got ", config.rope_theta));
  require(config.norm_eps > 0, message("norm_eps must be positive, got ", config.norm_eps));
  for (const auto& id : {config.mask_token, config.end_of_text_token, config.padding_token})
    require(!id || (*id >= 0 && *id < config.embedding_rows()),
            message("token id ", id.value_or(0), " is outside the embedding's ",
                    config.embedding_rows(), " rows"));
  if (!complaints.empty()) throw ConfigError(where + ": sizes that do not fit" + complaints);
}

TransformerConfig parse_model_config(std::string_view text, const std::string& where) {
  auto values = parse_json(text, where);
  if (!values.is_object()) throw DataError(where + ": must be a JSON object");
  const Family& family = pick_family(values, where);
  ConfigReader reader(std::move(values), where, std::string(family.title));
  TransformerConfig config = family.defaults;
  family.read(reader, config);
  config.shifted_logits = reader.flag("shifted_logits", config.shifted_logits);
  config.exclude_mask_logit = reader.flag("exclude_mask_logit");
  if (config.exclude_mask_logit && !config.mask_token)
    reader.complain("exclude_mask_logit", "needs \"mask_token_id\"");
  // Without a value these change nothing; with one the stored weights are not what they seem.
  reader.require("quantization_config", nullptr);
  reader.finish();
  try {
    check_config(config, where);
  } catch (const ConfigError& error) {
    throw DataError(error.what());  // a file is wrong, not the experiment
  }
  return config;
}

std::string model_config_json(const TransformerConfig& config, std::string_view dtype) {
  const Family& family = family_of(config.family);
  TransformerConfig whole = config;
  if (config.full_length > 0) whole.max_length = config.full_length;
  json values = family.write(whole, dtype);
  // Keys unknown to other readers, where they say something.
  if (config.exclude_mask_logit) values["exclude_mask_logit"] = true;
  if (config.shifted_logits != family.defaults.shifted_logits)
    values["shifted_logits"] = config.shifted_logits;
  return values.dump(2) + "\n";
}

}  // namespace lldm
