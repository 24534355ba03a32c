// SPDX-License-Identifier: MIT
#include "lldm/model/adapter_folder.hpp"

#include <ATen/ops/equal.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/ones.h>

#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/model/safetensors.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using namespace lldm::testing;
using nlohmann::json;

namespace {

const std::string kQ = "base_model.model.model.layers.0.self_attn.q_proj";
const std::string kDown = "base_model.model.model.layers.1.mlp.down_proj";

json config(const json& more = json::object()) {
  json values = {{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 6}, {"bias", "none"}};
  values.update(more);
  return values;
}

TensorMap tensors() {
  return {{kQ + ".lora_A.weight", at::ones({2, 8})},
          {kQ + ".lora_B.weight", at::ones({8, 2})},
          {kDown + ".lora_A.weight", at::ones({2, 12})},
          {kDown + ".lora_B.weight", at::ones({8, 2})}};
}

std::vector<LoraUpdate> load(const json& values, const TensorMap& weights) {
  const TemporaryFolder folder;
  write_file(folder.path() / "adapter_config.json", values.dump());
  save_safetensors(folder.path() / "adapter_model.safetensors", weights);
  return load_adapter(folder.path());
}

std::shared_ptr<Transformer> tiny() {
  TransformerConfig sizes = family_defaults("llama");
  sizes.width = 8, sizes.layers = 2, sizes.heads = sizes.kv_heads = 2, sizes.mlp_width = 12,
  sizes.vocabulary = sizes.logit_columns = 10;
  return make_transformer(sizes, {}, Draws(1, "t"));
}

}  // namespace

TEST_CASE("load_adapter scales by alpha, rank, rsLoRA and patterns", "[model][adapter]") {
  const auto scale_of = [](const json& more, const std::string& end) {
    for (const auto& update : load(config(more), tensors()))
      if (update.weight.ends_with(end)) return update.scale;
    return -1.0;
  };
  CHECK(scale_of(json::object(), "q_proj.weight") == 3.0);
  CHECK(scale_of({{"use_rslora", true}}, "q_proj.weight") == Approx(6 / std::sqrt(2.0)));
  const json pattern = {{"alpha_pattern", {{"layers.1.mlp.down_proj", 8}, {"^never$", 1}}}};
  CHECK(scale_of(pattern, "q_proj.weight") == 3.0);
  CHECK(scale_of(pattern, "down_proj.weight") == 4.0);
  CHECK(scale_of({{"alpha_pattern", {{"(q|v)_proj", 2}}}}, "q_proj.weight") == 1.0);
  auto ranked = tensors();
  ranked[kQ + ".lora_A.weight"] = at::ones({3, 8});
  ranked[kQ + ".lora_B.weight"] = at::ones({8, 3});
  CHECK(load(config({{"rank_pattern", {{"q_proj", 3}}}}), ranked).size() == 2);
}

TEST_CASE("merge_adapter adds scale B A to the matrices named", "[model][adapter]") {
  const auto model = tiny();
  std::map<std::string, at::Tensor> before;
  for (const auto& p : model->parameters()) before[p.name] = p.value.detach().clone();
  const auto updates = load(config(), tensors());
  merge_adapter(*model, updates, "adapter");
  for (const auto& p : model->parameters()) {
    INFO(p.name);
    const bool is_named = p.name == "model.layers.0.self_attn.q_proj.weight" ||
                          p.name == "model.layers.1.mlp.down_proj.weight";
    // 3 times a product of ones of rank 2
    CHECK(
        p.value.detach().sub(before[p.name]).sub(is_named ? 6.0 : 0.0).abs().max().item<double>() <
        1e-6);
  }
}

TEST_CASE("load_adapter and merge_adapter name what they cannot take", "[model][adapter]") {
  const auto refused = [](const json& values, const TensorMap& weights, const std::string& text) {
    CHECK_THROWS_WITH(load(values, weights), contains(text));
  };
  refused(config({{"peft_type", "IA3"}}), tensors(), "\"peft_type\" = \"IA3\" is not implemented");
  refused(config({{"use_dora", true}}), tensors(), "\"use_dora\" = true is not implemented");
  refused(config({{"bias", "all"}}), tensors(), "\"bias\" = \"all\" is not implemented");
  refused(config({{"modules_to_save", {"lm_head"}}}), tensors(), "\"modules_to_save\"");
  refused(config({{"r", 0}}), tensors(), "\"r\" must be a positive number");
  refused(config({{"r", 4}}), tensors(), "must be [4, in] and [out, 4]");
  refused(config({{"alpha_pattern", {{"(", 1}}}}), tensors(), "\"(\" is no pattern");
  auto lone = tensors();
  lone.erase(kQ + ".lora_B.weight");
  refused(config(), lone, "has no lora_B");
  auto strange = tensors();
  strange["base_model.model.model.embed_tokens.lora_embedding_A"] = at::ones({2, 10});
  refused(config(), strange, "is none of a LoRA of matrices");
  auto infinite = tensors();
  infinite[kQ + ".lora_A.weight"].select(0, 0).fill_(INFINITY);
  refused(config(), infinite, "lora_A.weight");

  const auto model = tiny();
  const auto before = model->parameters().front().value.detach().clone();
  auto other = tensors();
  other[kQ + ".lora_B.weight"] = at::ones({9, 2});
  other["base_model.model.model.layers.7.self_attn.q_proj.lora_A.weight"] = at::ones({2, 8});
  other["base_model.model.model.layers.7.self_attn.q_proj.lora_B.weight"] = at::ones({8, 2});
  CHECK_THROWS_WITH(merge_adapter(*model, load(config(), other), "there"),
                    "there: an adapter of another model\n"
                    "  \"model.layers.0.self_attn.q_proj.weight\" is [8, 8], the update [9, 8]\n"
                    "  \"model.layers.7.self_attn.q_proj.weight\" is in no block of the model");
  CHECK(at::equal(before, model->parameters().front().value));
}

TEST_CASE("load_adapter refuses starts that changed the base", "[model][adapter]") {
  for (const json& start : {json(true), json(false), json(nullptr), json("gaussian"),
                            json("Gaussian"), json("eva"), json("orthogonal"), json("mica")}) {
    INFO(start.dump());
    CHECK(load(config({{"init_lora_weights", start}}), tensors()).size() == 2);
  }
  for (const char* start :
       {"pissa", "pissa_niter_16", "PiSSA", "olora", "OLoRA", "corda", "lora_ga"}) {
    INFO(start);
    const auto text = message("\n  \"init_lora_weights\" = \"", start,
                              "\": this start takes its first update out of the base's weights");
    CHECK_THROWS_WITH(load(config({{"init_lora_weights", start}}), tensors()), contains(text));
    CHECK_THROWS_WITH(load(config({{"init_lora_weights", start}}), tensors()),
                      contains("path_initial_model_for_weight_conversion"));
  }
  CHECK_THROWS_WITH(load(config({{"init_lora_weights", "loftq"}}), tensors()),
                    contains("a base that LoftQ quantized"));
  CHECK_THROWS_WITH(load(config({{"init_lora_weights", "later"}}), tensors()),
                    contains("\"later\" is no start that lldm knows"));
  CHECK_THROWS_WITH(load(config({{"init_lora_weights", 1}}), tensors()),
                    contains("= 1 is no start that lldm knows"));
}

TEST_CASE("load_adapter refuses every key that switches something on", "[model][adapter]") {
  const json on = {{"use_bdlora", {{"nblocks", 2}}},
                   {"use_qalora", true},
                   {"use_dora", true},
                   {"lora_bias", true},
                   {"fan_in_fan_out", true},
                   {"alora_invocation_tokens", {1, 2}},
                   {"target_parameters", {"mlp.experts"}},
                   {"trainable_token_indices", {3}},
                   {"layer_replication", {{0, 2}, {1, 2}}},
                   {"megatron_config", {{"tp", 2}}},
                   {"arrow_config", {{"top_k", 3}}},
                   {"kasa_config", {{"beta", 1e-4}}},
                   {"velora_config", {{"scale", 1.0}}},
                   {"monteclora_config", {{"n", 1}}},
                   {"a_later_key", "on"},
                   {"a_later_number", 0}};
  std::string all;
  try {
    static_cast<void>(load(config(on), tensors()));
  } catch (const DataError& error) {
    all = error.what();
  }
  for (const auto& [key, value] : on.items()) {
    INFO(key);
    CHECK(all.find("\n  \"" + key + "\" = " + value.dump() + " is not implemented") !=
          std::string::npos);  // all at once
    CHECK_THROWS_WITH(load(config({{key, value}}), tensors()), contains("\"" + key + "\""));
    for (const json& off : {json(nullptr), json(false), json::object(), json::array(), json("")})
      CHECK(load(config({{key, off}}), tensors()).size() == 2);
  }
  const json harmless = {{"base_model_name_or_path", "x/y"},
                         {"revision", "main"},
                         {"inference_mode", true},
                         {"task_type", "CAUSAL_LM"},
                         {"peft_version", "0.21.0"},
                         {"auto_mapping", {{"a", "b"}}},
                         {"megatron_core", "megatron.core"},
                         {"qalora_group_size", 16},
                         {"target_modules", {"q_proj"}},
                         {"exclude_modules", "x"},
                         {"layers_to_transform", {0, 1}},
                         {"layers_pattern", "layers"},
                         {"eva_config", {{"rho", 2.0}}},
                         {"loftq_config", {{"loftq_bits", 4}}},
                         {"use_rslora", nullptr},
                         {"bias", nullptr}};
  CHECK(load(config(harmless), tensors()).size() == 2);
  CHECK_THROWS_WITH(load(config({{"use_rslora", "yes"}}), tensors()),
                    contains("\"use_rslora\" = \"yes\" must be true or false"));
  CHECK_THROWS_WITH(load(config({{"rank_pattern", {1}}}), tensors()),
                    contains("\"rank_pattern\" = [1] must be an object"));
  CHECK_THROWS_WITH(load(config({{"r", 2.5}}), tensors()), contains("must be a whole number"));
  CHECK_THROWS_WITH(load(config({{"peft_type", nullptr}}), tensors()), contains("\"peft_type\""));
}
