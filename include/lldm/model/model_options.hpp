// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lldm/config/field.hpp"
#include "lldm/model/llada.hpp"

namespace lldm {

enum class ModelFamily : std::uint8_t { llada };
constexpr auto choices(std::type_identity<ModelFamily>) {
  return std::array{Choice<ModelFamily>{"llada", ModelFamily::llada}};
}

/// Number format of weights and activations.
enum class ModelDtype : std::uint8_t { float32, float64, bfloat16 };
constexpr auto choices(std::type_identity<ModelDtype>) {
  return std::array{Choice<ModelDtype>{"float32", ModelDtype::float32},
                    Choice<ModelDtype>{"float64", ModelDtype::float64},
                    Choice<ModelDtype>{"bfloat16", ModelDtype::bfloat16}};
}

enum class AdapterType : std::uint8_t { none, lora };
constexpr auto choices(std::type_identity<AdapterType>) {
  return std::array{Choice<AdapterType>{"none", AdapterType::none},
                    Choice<AdapterType>{"lora", AdapterType::lora}};
}

/// The table `adapter` of [model].
struct AdapterOptions {
  AdapterType type = AdapterType::none;
  std::int64_t rank = 16;
  double alpha = 32;
  double dropout = 0;
  static constexpr auto describe() {
    using O = AdapterOptions;
    return std::tuple{field("type", &O::type, "none, or lora (not runnable yet)."),
                      field("rank", &O::rank, "Rank of the low-rank update.").range(1, 4096),
                      field("alpha", &O::alpha, "The update is scaled by alpha / rank.").above(0.0),
                      field("dropout", &O::dropout, "Dropout on the update's input.").range(0.0, 1.0)};
  }
};

/// The table [model]: the shape of a new model, or the folder of one.
struct ModelOptions {
  ModelFamily family = ModelFamily::llada;
  std::filesystem::path path;
  std::int64_t width = 64;
  std::int64_t layers = 3;
  std::int64_t heads = 8;
  std::int64_t kv_heads = 0;
  std::int64_t mlp_width = 176;
  double rope_theta = 10000.0;
  double norm_epsilon = 1e-5;
  std::int64_t max_length = 1024;
  ModelDtype dtype = ModelDtype::float32;
  bool exclude_mask_logit = false;
  bool recomputation = false;
  AdapterOptions adapter = {};
  double embedding_std = 0.5;
  double linear_gain = 1.0;
  double head_std = 0.02;

  static constexpr auto describe() {
    using O = ModelOptions;
    return std::tuple{
        field("family", &O::family, "Architecture: llada."),
        field("path", &O::path,
              "Folder of a model (config.json, *.safetensors, tokenizer) to start from; the shape keys "
              "are then read from it."),
        field("width", &O::width, "Model width D.").range(1, 1 << 20),
        field("layers", &O::layers, "Transformer blocks.").range(1, 4096),
        field("heads", &O::heads, "Attention heads; divide width.").range(1, 4096),
        field("kv_heads", &O::kv_heads, "Key and value heads; divide heads; 0: as many as heads.").range(0, 4096),
        field("mlp_width", &O::mlp_width, "Width of the SwiGLU layer.").range(1, 1 << 22),
        field("rope_theta", &O::rope_theta,
              "Base of the rotary positions; LLaDA-8B has 500000, tiny models learn arithmetic better "
              "with 100.")
            .above(0.0),
        field("norm_epsilon", &O::norm_epsilon, "Added to the mean square in RMSNorm.").above(0.0),
        field("max_length", &O::max_length, "Longest sequence.").range(1, 1 << 24).unit("tokens"),
        field("dtype", &O::dtype, "float32 or float64; bfloat16 is not runnable yet."),
        field("exclude_mask_logit", &O::exclude_mask_logit,
              "Take the mask token out of the softmax; LLaDA's own code keeps it in."),
        field("recomputation", &O::recomputation,
              "Recompute activations in the backward pass (checkpointing); not runnable yet."),
        field("adapter", &O::adapter, "Train a low-rank update instead of the weights; not runnable yet."),
        field("embedding_std", &O::embedding_std, "Initial standard deviation of the embedding.").above(0.0),
        field("linear_gain", &O::linear_gain, "Other matrices start at gain / sqrt(fan_in).").above(0.0),
        field("head_std", &O::head_std, "Initial standard deviation of the head.").above(0.0)};
  }

  /// What these options ask for and lldm cannot run yet; empty: all of it runs.
  [[nodiscard]] std::vector<std::string> not_runnable_yet() const;
  /// The shape, with the sizes and ids of the tokenizer.  ConfigError if sizes do not fit.
  [[nodiscard]] LladaConfig shape(std::int64_t vocabulary, std::int64_t mask_token,
                                  std::int64_t end_of_text) const;
  [[nodiscard]] LladaInit init() const { return {embedding_std, linear_gain, head_std}; }
  /// float32 or float64.  ConfigError for bfloat16.
  [[nodiscard]] at::ScalarType scalar_type() const;
};
static_assert(OptionsStruct<ModelOptions>);

}  // namespace lldm
