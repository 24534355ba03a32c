// SPDX-License-Identifier: MIT
#include "lldm/model/transformer_config.hpp"

#include <ATen/core/Tensor.h>

#include <nlohmann/json.hpp>

#include "lldm/draws/stream.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/transformer.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"

using lldm::testing::contains;
using nlohmann::json;

namespace {

json instruct_8b() {
  return {{"model_type", "llada"},  {"d_model", 4096},          {"n_layers", 32},
          {"n_heads", 32},          {"n_kv_heads", 32},         {"mlp_hidden_size", 12288},
          {"vocab_size", 126464},   {"embedding_size", 126464}, {"max_sequence_length", 4096},
          {"rope_theta", 500000.0}, {"rms_norm_eps", 1e-5},     {"mask_token_id", 126336},
          {"weight_tying", false},  {"attention_dropout", 0.0}, {"transformers_version", "4.51.2"}};
}

std::string error_of(const json& config) {
  try {
    lldm::parse_model_config(config.dump(), "config.json");
  } catch (const lldm::DataError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("TransformerConfig reads LLaDA-8B and counts its parameters", "[model][config]") {
  const auto config = lldm::parse_model_config(instruct_8b().dump(), "config.json");
  CHECK(config.num_parameters() ==
        8'015'581'184);  // its index file: 16,031,162,368 bytes of bfloat16
  CHECK(config.rope_theta == 500000.0);
  CHECK(config.mask_token == 126336);
  CHECK_FALSE(config.end_of_text_token);
}

TEST_CASE("TransformerConfig comes back from its own JSON", "[model][config]") {
  lldm::TransformerConfig config{.width = 48,
                                 .heads = 6,
                                 .kv_heads = 2,
                                 .vocabulary = 50,
                                 .logit_columns = 64,
                                 .rope_theta = 100,
                                 .qkv_bias = true,
                                 .tied_head = true,
                                 .mask_token = 49};
  CHECK(lldm::parse_model_config(lldm::model_config_json(config, "float32"), "c") == config);
}

TEST_CASE("TransformerConfig follows the original where keys are null or absent",
          "[model][config]") {
  auto json = instruct_8b();
  json["n_kv_heads"] = nullptr;
  json["multi_query_attention"] = true;
  CHECK(lldm::parse_model_config(json.dump(), "c").kv_heads == 1);
  json["multi_query_attention"] = nullptr;
  CHECK(lldm::parse_model_config(json.dump(), "c").kv_heads == 32);
  json.erase("mlp_hidden_size");
  CHECK(lldm::parse_model_config(json.dump(), "c").mlp_width == 4 * 4096);
  json["mlp_ratio"] = 3;
  CHECK(lldm::parse_model_config(json.dump(), "c").mlp_width == 3 * 4096);
  json.erase("embedding_size");
  CHECK(lldm::parse_model_config(json.dump(), "c").logit_columns == 126464);
}

TEST_CASE("TransformerConfig refuses by name what it would compute wrongly", "[model][config]") {
  for (const auto& [key, value] : std::map<std::string, json>{{"alibi", true},
                                                              {"rope", false},
                                                              {"block_type", "sequential"},
                                                              {"layer_norm_type", "default"},
                                                              {"activation_type", "gelu"},
                                                              {"attention_layer_norm", true},
                                                              {"attention_dropout", 0.1},
                                                              {"include_bias", true},
                                                              {"scale_logits", true},
                                                              {"input_emb_norm", true},
                                                              {"block_group_size", 2},
                                                              {"bias_for_layer_norm", true},
                                                              {"rope_full_precision", false}}) {
    auto json = instruct_8b();
    json[key] = value;
    INFO(key);
    CHECK(error_of(json).find("\"" + key + "\" = " + value.dump() + " is not implemented") !=
          std::string::npos);
  }
}

TEST_CASE("TransformerConfig reports every mistake at once", "[model][config]") {
  auto json = instruct_8b();
  json.erase("d_model");
  json["n_layers"] = -1;
  json["rope_tetha"] = 1.0;
  json["mask_token_id"] = "x";
  CHECK(error_of(json) ==
        "config.json: not a model that lldm can run\n"
        "  \"d_model\" is missing\n"
        "  \"n_layers\" must be a whole number from 1 to 2147483648, got -1\n"
        "  \"mask_token_id\" must be a token id, from 0 to 2147483647, got \"x\"\n"
        "  key \"rope_tetha\" is not one of a LLaDA config; did you mean \"rope_theta\"?");
  CHECK(error_of(json::array()).find("must be a JSON object") != std::string::npos);
  json = instruct_8b();
  json["n_heads"] = 30;
  json["n_kv_heads"] = 7;
  CHECK(error_of(json).find("width must be an even multiple of heads") != std::string::npos);
  CHECK(error_of(json).find("kv_heads must divide heads") != std::string::npos);
  json = instruct_8b();
  json["mask_token_id"] = 126464;
  CHECK(error_of(json).find("token id 126464 is outside the embedding") != std::string::npos);
}

TEST_CASE("a config.json says its family by type, by architecture or by its keys",
          "[model][config]") {
  const json sizes = {{"hidden_size", 32},
                      {"num_hidden_layers", 2},
                      {"vocab_size", 40},
                      {"num_attention_heads", 4},
                      {"intermediate_size", 48}};
  const auto with = [&](const json& more) {
    json values = sizes;
    values.update(more);
    return lldm::parse_model_config(values.dump(), "c");
  };
  CHECK(with({{"model_type", "qwen2"}}).family == "qwen2");
  CHECK(with({{"architectures", {"LlamaForCausalLM"}}}).family == "llama");
  CHECK(with({{"model_type", "qwen2"}}).shifted_logits);
  CHECK_FALSE(with({{"model_type", "a2d-qwen3"}}).shifted_logits);
  CHECK_FALSE(with({{"architectures", {"A2DQwen2LMHeadModel"}}}).shifted_logits);
  CHECK_FALSE(with({{"model_type", "qwen2"}, {"shifted_logits", false}}).shifted_logits);
  CHECK(with({{"model_type", "qwen3"}}).head_width() == 128);
  CHECK_FALSE(with({{"model_type", "llama"}, {"pad_token_id", -1}}).padding_token);
  CHECK(with({{"model_type", "llama"}, {"attention_bias", true}}).output_bias);
  const auto scaled =
      with({{"model_type", "llama"},
            {"rope_parameters", {{"rope_type", "linear"}, {"factor", 2.0}, {"rope_theta", 5.0}}}});
  CHECK(scaled.rope_theta == 5.0);
  CHECK(scaled.rope_scaling.factor == 2.0);
}

TEST_CASE("SMDM's published configurations are read by their name alone", "[model][config]") {
  const auto config = lldm::parse_model_config(R"({"name": "Diff_LLaMA_1028M"})", "config.json");
  CHECK(config.family == "smdm");
  CHECK(config.width == 1792);
  CHECK(config.layers == 20);
  CHECK(config.heads == 14);
  CHECK(config.mlp_width == 7168);
  CHECK(config.max_length == 2048);
  CHECK(config.logit_columns == 32000);
  CHECK(config.mask_token == 32000);
  // "1028M" leaves embedding and head out.
  CHECK(config.num_parameters() - (32001 + 32000) * 1792 == 1027677952);
  const auto smaller = lldm::parse_model_config(R"({"name": "Diff_LLaMA_6M", "n_layer": 2})", "x");
  CHECK(smaller.layers == 2);
  CHECK(smaller.width == 256);
  CHECK_THROWS_WITH(
      lldm::parse_model_config(R"({"name": "Diff_LLaMA_7M"})", "config.json"),
      contains("is no configuration of SMDM; Diff_LLaMA_ is followed by one of 6M, 19M"));
}

TEST_CASE("a config.json of another kind is refused by name", "[model][config]") {
  const auto refused = [](json config, const std::string& text) {
    INFO(config.dump());
    const auto error = error_of(config);
    INFO(error);
    CHECK(error.find(text) != std::string::npos);
  };
  refused({{"model_type", "mixtral"}},
          "a mixture of experts, which lldm does not run (\"mixtral\")");
  refused({{"model_type", "qwen3_moe"}, {"num_experts", 128}},
          "a mixture of experts, which lldm does not run (\"num_experts\" = 128)");
  refused({{"architectures", {"LLaDAMoEModelLM"}}}, "a mixture of experts");
  refused({{"model_type", "gemma2"}}, "\"model_type\" = \"gemma2\" is no family that lldm runs");
  const json llama = {{"model_type", "llama"},    {"hidden_size", 32}, {"num_hidden_layers", 2},
                      {"num_attention_heads", 4}, {"vocab_size", 40},  {"intermediate_size", 48}};
  const std::map<std::string, std::pair<json, std::string>> wrong = {
      {"rope_scaling", {{{"rope_type", "yarn"}}, "rope_scaling.rope_type\" = \"yarn\""}},
      {"hidden_act", {"gelu", "\"hidden_act\" = \"gelu\" is not implemented"}},
      {"use_sliding_window", {true, "\"use_sliding_window\" = true is not implemented"}},
      {"layer_types", {{"sliding_attention"}, "\"layer_types\" has \"sliding_attention\""}},
      {"quantization_config", {{{"bits", 4}}, "\"quantization_config\" = object"}},
      {"attention_bias", {1, "must be true or false, got 1"}},
      {"hiden_size", {1, "is not one of a Llama config; did you mean \"hidden_size\"?"}},
      {"head_dim", {7, "the width of a head must be even"}}};
  for (const auto& [key, value] : wrong) {
    auto config = llama;
    config[key] = value.first;
    refused(config, value.second);
  }
}

TEST_CASE("A shape counts every weight of its flags, and the rotary tables apart", "[model]") {
  for (const bool has : {false, true}) {
    lldm::TransformerConfig config{.width = 16, .layers = 12, .heads = 4, .kv_heads = 2};
    config.mlp_width = 24, config.vocabulary = config.logit_columns = 40, config.max_length = 64;
    config.family = "llama";
    config.qkv_bias = config.output_bias = config.mlp_bias = config.qk_norm = has;
    config.tied_head = has;
    const lldm::ModelShape shape = lldm::shape_of(config);
    std::int64_t numbers = 0;
    const auto model = lldm::make_transformer(config, {}, lldm::Draws(1, "model"));
    for (const lldm::NamedParameter& one : model->parameters()) numbers += one.value.numel();
    CHECK(shape.parameters == numbers);
    CHECK(shape.table_values == 64 * 4);
    CHECK(shape.stored_values == static_cast<double>(shape.parameters + shape.table_values));
  }
}
