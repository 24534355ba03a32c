// SPDX-License-Identifier: MIT
// Qwen3: configuration_qwen3.py and modeling_qwen3.py of transformers, read as Qwen2 is: with
// bidirectional attention, shifted unless dLLM's conversion ("a2d-qwen3") says otherwise.
#include "model/families/hugging_face.hpp"

namespace lldm {
namespace {

using nlohmann::json;

void read(ConfigReader& reader, TransformerConfig& config) {
  read_hugging_face(reader, config, {.max_length = 32768, .head_width = 128});
  config.qkv_bias = config.output_bias = reader.flag("attention_bias");
  config.shifted_logits = !is_converted(reader);
}

json write(const TransformerConfig& config, std::string_view dtype) {
  json values = write_hugging_face(config, dtype);
  values["architectures"] = {"Qwen3ForCausalLM"};
  values["attention_bias"] = config.qkv_bias;
  values["model_type"] = "qwen3";
  return values;
}

}  // namespace

const Family& qwen3_family() {
  static const Family family{
      .name = "qwen3",
      .title = "Qwen3",
      .model_types = {"qwen3", "a2d-qwen3"},
      .architectures = {"Qwen3ForCausalLM", "A2DQwen3LMHeadModel"},
      .has_keys_of = nullptr,
      .names = hugging_face_names(true),
      .defaults = {.norm_eps = 1e-6, .family = "qwen3", .qk_norm = true, .shifted_logits = true},
      .published_vocabulary = 151936,
      .published_head_width = 128,
      .biases_output = true,
      .read = read,
      .write = write};
  return family;
}

}  // namespace lldm
