// SPDX-License-Identifier: MIT
#include "lldm/model/llada_config.hpp"

#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

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
    lldm::parse_llada_config(config.dump(), "config.json");
  } catch (const lldm::DataError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("LladaConfig reads LLaDA-8B and counts its parameters", "[model][config]") {
  const auto config = lldm::parse_llada_config(instruct_8b().dump(), "config.json");
  CHECK(config.num_parameters() ==
        8'015'581'184);  // its index file: 16,031,162,368 bytes of bfloat16
  CHECK(config.rope_theta == 500000.0);
  CHECK(config.mask_token_id == 126336);
  CHECK_FALSE(config.eos_token_id);
}

TEST_CASE("LladaConfig comes back from its own JSON", "[model][config]") {
  lldm::LladaConfig config{.d_model = 48,
                           .n_heads = 6,
                           .n_kv_heads = 2,
                           .vocab_size = 50,
                           .embedding_size = 64,
                           .rope_theta = 100,
                           .include_qkv_bias = true,
                           .weight_tying = true,
                           .mask_token_id = 49};
  CHECK(lldm::parse_llada_config(lldm::llada_config_json(config, "float32"), "c") == config);
}

TEST_CASE("LladaConfig follows the original where keys are null or absent", "[model][config]") {
  auto json = instruct_8b();
  json["n_kv_heads"] = nullptr;
  json["multi_query_attention"] = true;
  CHECK(lldm::parse_llada_config(json.dump(), "c").n_kv_heads == 1);
  json["multi_query_attention"] = nullptr;
  CHECK(lldm::parse_llada_config(json.dump(), "c").n_kv_heads == 32);
  json.erase("mlp_hidden_size");
  CHECK(lldm::parse_llada_config(json.dump(), "c").mlp_hidden_size == 4 * 4096);
  json["mlp_ratio"] = 3;
  CHECK(lldm::parse_llada_config(json.dump(), "c").mlp_hidden_size == 3 * 4096);
  json.erase("embedding_size");
  CHECK(lldm::parse_llada_config(json.dump(), "c").embedding_size == 126464);
}

TEST_CASE("LladaConfig refuses by name what it would compute wrongly", "[model][config]") {
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
                                                              {"model_type", "llama"},
                                                              {"bias_for_layer_norm", true},
                                                              {"rope_full_precision", false}}) {
    auto json = instruct_8b();
    json[key] = value;
    INFO(key);
    CHECK(error_of(json).find("\"" + key + "\" = " + value.dump() + " is not implemented") !=
          std::string::npos);
  }
}

TEST_CASE("LladaConfig reports every mistake at once", "[model][config]") {
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
