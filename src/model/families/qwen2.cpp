// SPDX-License-Identifier: MIT
// Qwen2 and Qwen2.5: configuration_qwen2.py and modeling_qwen2.py of transformers.  An
// autoregressive checkpoint, read with bidirectional attention (AR-to-diffusion conversion); as it
// was trained, position i is predicted at i - 1.  "a2d-qwen2" is dLLM's name for a converted one,
// which predicts in place.
#include "model/families/hugging_face.hpp"

namespace lldm {
namespace {

using nlohmann::json;

void read(ConfigReader& reader, TransformerConfig& config) {
  read_hugging_face(reader, config, {.max_length = 32768});
  config.shifted_logits = !is_converted(reader);
}

json write(const TransformerConfig& config, std::string_view dtype) {
  json values = write_hugging_face(config, dtype);
  values["architectures"] = {"Qwen2ForCausalLM"};
  values["model_type"] = "qwen2";
  return values;
}

}  // namespace

const Family& qwen2_family() {
  static const Family family{
      .name = "qwen2",
      .title = "Qwen2",
      .model_types = {"qwen2", "a2d-qwen2"},
      .architectures = {"Qwen2ForCausalLM", "A2DQwen2LMHeadModel"},
      .has_keys_of = nullptr,
      .names = hugging_face_names(false),
      .defaults = {.norm_eps = 1e-6, .qkv_bias = true, .family = "qwen2", .shifted_logits = true},
      .published_vocabulary = 151936,
      .read = read,
      .write = write};
  return family;
}

}  // namespace lldm
