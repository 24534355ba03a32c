// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lldm/config/field.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/model/lora.hpp"
#include "lldm/model/transformer.hpp"

namespace lldm {

enum class ModelDtype : std::uint8_t { float32, float64, bfloat16, float16 };

constexpr auto choices(std::type_identity<ModelDtype>) {
  return std::array{Choice<ModelDtype>{"float32", ModelDtype::float32},
                    Choice<ModelDtype>{"float64", ModelDtype::float64},
                    Choice<ModelDtype>{"bfloat16", ModelDtype::bfloat16},
                    Choice<ModelDtype>{"float16", ModelDtype::float16}};
}

constexpr auto choices(std::type_identity<WeightStorage>) {
  return std::array{Choice<WeightStorage>{"float32", WeightStorage::plain},
                    Choice<WeightStorage>{"bfloat16", WeightStorage::bfloat16},
                    Choice<WeightStorage>{"int8", WeightStorage::int8},
                    Choice<WeightStorage>{"nf4", WeightStorage::nf4}};
}

constexpr auto choices(std::type_identity<Recomputation>) {
  return std::array{Choice<Recomputation>{"none", Recomputation::none},
                    Choice<Recomputation>{"selective", Recomputation::selective},
                    Choice<Recomputation>{"full", Recomputation::full},
                    Choice<Recomputation>{"offload", Recomputation::offload},
                    Choice<Recomputation>{"auto", Recomputation::automatic}};
}

enum class AdapterType : std::uint8_t { none, lora };

constexpr auto choices(std::type_identity<AdapterType>) {
  return std::array{Choice<AdapterType>{"none", AdapterType::none},
                    Choice<AdapterType>{"lora", AdapterType::lora}};
}

/// What a stage that trains an adapter publishes.
enum class AdapterPublishing : std::uint8_t {
  adapter,  // the adapter alone, with the path and the hashes of the weights it belongs to
  merged,   // the sums of weights and updates
};

constexpr auto choices(std::type_identity<AdapterPublishing>) {
  return std::array{Choice<AdapterPublishing>{"adapter", AdapterPublishing::adapter},
                    Choice<AdapterPublishing>{"merged", AdapterPublishing::merged}};
}

/// The table `adapter` of [model]: what training stages train instead of the weights.
struct AdapterOptions {
  AdapterType type = AdapterType::none;
  std::int64_t rank = 16;
  double alpha = 32;
  double dropout = 0;
  bool rslora = false;
  std::vector<std::string> targets = {};
  AdapterPublishing publish = AdapterPublishing::adapter;
  static constexpr auto describe() {
    using O = AdapterOptions;
    return std::tuple{field("type", &O::type, "none, or lora: the weights stay as they are."),
                      field("rank", &O::rank, "Rank of the low-rank update.").range(1, 4096),
                      field("alpha", &O::alpha, "The update is scaled by alpha / rank.").above(0),
                      field("dropout", &O::dropout,
                            "Share of an update's inputs that each training step hides from it.")
                          .at_least(0)
                          .below(1),
                      field("rslora", &O::rslora, "Scale by alpha / sqrt(rank) instead."),
                      field("targets", &O::targets,
                            "Ends of the names of the matrices that get an update (\"q_proj\"); "
                            "empty: every matrix of every block."),
                      field("publish", &O::publish,
                            "What a stage writes as its model: adapter (the updates alone, beside "
                            "the path and hashes of their base; a later stage goes on with them) "
                            "or merged (sums of base and updates, in float32).")};
  }
};

/// What `options` asks of the model.
LoraOptions lora_options(const AdapterOptions& options);

/// The [model] table.
struct ModelOptions {
  std::string family = "llada";
  std::filesystem::path path = {};
  std::int64_t width = 64;
  std::int64_t layers = 3;
  std::int64_t heads = 8;
  std::int64_t kv_heads = 0;
  std::int64_t mlp_width = 0;
  std::int64_t vocab_size = 0;
  std::int64_t max_length = 0;
  double rope_theta = 10000.0;
  double norm_eps = 1e-5;
  bool qkv_bias = false;
  bool tie_head = false;
  ModelDtype dtype = ModelDtype::float32;
  bool exclude_mask_logit = false;
  WeightStorage storage = WeightStorage::plain;
  Recomputation recomputation = Recomputation::none;
  AdapterOptions adapter = {};
  double embedding_std = 0.5;
  double linear_gain = 1.0;
  double head_std = 0.02;

  static constexpr auto describe() {
    using O = ModelOptions;
    return std::tuple{
        field("family", &O::family,
              "Architecture: llada, smdm, dream, qwen2, qwen3 or llama; a folder says its own."),
        field("path", &O::path,
              "Folder with config.json and model.safetensors to start from; sizes then come from "
              "it."),
        field("width", &O::width, "Width of a token's row; an even multiple of heads.").at_least(2),
        field("layers", &O::layers, "Transformer blocks.").at_least(1),
        field("heads", &O::heads, "Attention heads.").at_least(1),
        field("kv_heads", &O::kv_heads, "Key and value heads, dividing heads; 0: as many as heads.")
            .at_least(0),
        field("mlp_width", &O::mlp_width,
              "Width inside SwiGLU; 0: 8/3 of the width, rounded up to a multiple of 16.")
            .at_least(0),
        field("vocab_size", &O::vocab_size,
              "Rows of embedding and head; 0: as many as the tokenizer has ids, or a folder's own.")
            .at_least(0)
            .unit("ids"),
        field("max_length", &O::max_length,
              "Longest sequence the model accepts; 0: 1024 for a fresh model, a folder's own. Less "
              "than a folder's is less memory, and its config.json stays.")
            .at_least(0)
            .unit("tokens"),
        field("rope_theta", &O::rope_theta,
              "Base of the rotary positions; LLaDA-8B has 500000, short texts train well with 100.")
            .above(0),
        field("norm_eps", &O::norm_eps, "Added to the mean square in RMSNorm.").above(0),
        field("qkv_bias", &O::qkv_bias, "Biases on the query, key and value projections."),
        field("tie_head", &O::tie_head, "Use the embedding as the output head."),
        field("dtype", &O::dtype,
              "What is computed in; bfloat16 and float16: products read it, everything else is "
              "float32; float16 trains with a loss scale ([optimizer]), and is no faster than "
              "float32 on a CPU."),
        field("storage", &O::storage,
              "How weights lie in memory; float32 (float64 with that dtype) and bfloat16 can be "
              "trained, the others need an adapter. bfloat16 keeps norms and biases in float32; "
              "int8 and nf4 hold embedding and head as bfloat16."),
        field("exclude_mask_logit", &O::exclude_mask_logit,
              "Take the mask token out of the softmax; LLaDA's own code keeps it in."),
        field("recomputation", &O::recomputation,
              "What the backward pass computes again (checkpointing) instead of keeping it: the "
              "projections, or all of a block; auto: as little as the [memory] budget allows; "
              "gradients are the same."),
        field("adapter", &O::adapter,
              "Train a low-rank update beside the weights instead of them (LoRA)."),
        field("embedding_std", &O::embedding_std, "Standard deviation of fresh embeddings.")
            .at_least(0),
        field("linear_gain", &O::linear_gain,
              "Fresh matrices have deviation linear_gain / sqrt(fan_in).")
            .at_least(0),
        field("head_std", &O::head_std, "Standard deviation of a fresh output head.").at_least(0),
    };
  }

  /// A known family; heads that divide the width evenly.
  void check(config::OptionsCheck& check) const;
};
static_assert(OptionsStruct<ModelOptions>);

/// Of a fresh model whose file does not say it.
inline constexpr std::int64_t kFreshMaxLength = 1024;

/// What `dtype` and `storage` ask for.
Precision precision_of(const ModelOptions& options);

/// What the tokenizer says a model must know.
struct ModelTokens {
  std::int64_t vocabulary_size = 0;
  std::optional<std::int64_t> mask = {}, end_of_text = {}, padding = {};
};

/// The sizes that `options` and the tokenizer ask for (of a fresh model; `path` is not looked at).
/// Errors  ConfigError if they do not fit, or for another family.
TransformerConfig transformer_config(const ModelOptions& options, const ModelTokens& tokens);

/// ConfigError naming every key of `options` that was set and says otherwise than a folder's
/// config.
void check_against_folder(const ModelOptions& options, const TransformerConfig& config);
/// The same against the config.json in `options.path`.
void check_against_folder(const ModelOptions& options);

/// The same for the table `given` as well (null: none), also where a key says what is the default.
void check_given_sizes(const ModelOptions& options, const config::Value* given,
                       const std::filesystem::path& folder);

/// The shape of the model a stage trains: its folder's (`from`, else `model.path`) where that is
/// here, else what the keys of [model] say, with a line in `note`; without such keys LLaDA-8B's.
/// Errors  ConfigError for such a folder of another family without sizes; as transformer_config.
ModelShape planned_shape(const ModelOptions& model, const std::filesystem::path& from,
                         std::string& note);

/// A fresh trainable model, or the one in `options.path`, trainable too.
///
/// Errors  ConfigError as transformer_config; a size or exclude_mask_logit that contradicts the
///         folder or the tokenizer, by name.  DataError as load_transformer.
std::shared_ptr<Model> make_model(const ModelOptions& options, const ModelTokens& tokens,
                                  const Draws& draws, at::Device device = at::kCPU);

}  // namespace lldm
