// SPDX-License-Identifier: MIT
// Llama 2 and 3, and what has their form: configuration_llama.py and modeling_llama.py of
// transformers, read as Qwen2 is: with bidirectional attention, shifted unless dLLM's conversion
// ("a2d-llama") says otherwise.
#include "model/families/hugging_face.hpp"

namespace lldm {
namespace {

using nlohmann::json;

void read(ConfigReader& reader, TransformerConfig& config) {
  read_hugging_face(reader, config, {.max_length = 2048});
  config.qkv_bias = config.output_bias = reader.flag("attention_bias");
  config.mlp_bias = reader.flag("mlp_bias");
  config.shifted_logits = !is_converted(reader);
}

json write(const TransformerConfig& config, std::string_view dtype) {
  json values = write_hugging_face(config, dtype);
  values["architectures"] = {"LlamaForCausalLM"};
  values["attention_bias"] = config.qkv_bias;
  values["mlp_bias"] = config.mlp_bias;
  values["model_type"] = "llama";
  return values;
}

}  // namespace

const Family& llama_family() {
  static const Family family{
      .name = "llama",
      .title = "Llama",
      .model_types = {"llama", "a2d-llama"},
      .architectures = {"LlamaForCausalLM", "A2DLlamaLMHeadModel"},
      .has_keys_of = nullptr,
      .names = hugging_face_names(false),
      .defaults = {.norm_eps = 1e-6, .family = "llama", .shifted_logits = true},
      .published_vocabulary = 128256,
      .biases_output = true,
      .read = read,
      .write = write};
  return family;
}

}  // namespace lldm
