// SPDX-License-Identifier: MIT
// Dream: Ye et al. 2025, arXiv:2508.15487; configuration_dream.py and modeling_dream.py of
// Dream-org/Dream-v0-Base-7B.  Qwen2's network, read with bidirectional attention; the logits of
// position i - 1 say what stands at position i.
#include "model/families/hugging_face.hpp"

namespace lldm {
namespace {

using nlohmann::json;

void read(ConfigReader& reader, TransformerConfig& config) {
  read_hugging_face(reader, config, {.max_length = 32768});
  if (reader.is_left_out("mask_token_id")) config.mask_token = 151666;
  if (reader.is_left_out("pad_token_id")) config.padding_token = 151643;
  reader.accept({"model_type"});
}

json write(const TransformerConfig& config, std::string_view dtype) {
  json values = write_hugging_face(config, dtype);
  values["architectures"] = {"DreamModel"};
  values["auto_map"] = {{"AutoConfig", "configuration_dream.DreamConfig"},
                        {"AutoModel", "modeling_dream.DreamModel"}};
  values["model_type"] = "Dream";
  if (!config.mask_token) values["mask_token_id"] = nullptr;
  if (!config.padding_token) values["pad_token_id"] = nullptr;
  return values;
}

}  // namespace

const Family& dream_family() {
  static const Family family{
      .name = "dream",
      .title = "Dream",
      .model_types = {"Dream", "dream"},
      .architectures = {"DreamModel"},
      .has_keys_of = nullptr,
      .names = hugging_face_names(false),
      .defaults = {.norm_eps = 1e-6, .qkv_bias = true, .family = "dream", .shifted_logits = true},
      .published_vocabulary = 152064,
      .read = read,
      .write = write,
      .wants_generation_config = true};
  return family;
}

}  // namespace lldm
