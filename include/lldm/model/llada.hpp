// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lldm/concepts/denoiser.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/model/llada_config.hpp"
#include "lldm/model/model.hpp"

namespace lldm {

struct BlockContext;

/// Standard deviations of fresh weights.  Norm weights start at 1, biases at 0.
struct LladaInit {
  double embedding_std = 0.5;
  double linear_gain = 1.0;  // every other matrix: linear_gain / sqrt(fan_in)
  double head_std = 0.02;    // unused with weight_tying: the head is the embedding
};

/// One block's weights.  q, k and v lie behind one another in memory, and so do ff_proj and
/// up_proj: each group is one matrix product.
struct LladaBlock {
  at::Tensor attn_norm;               // [D]
  at::Tensor q_proj, k_proj, v_proj;  // [D, D], [kv_width, D] twice
  at::Tensor q_bias, k_bias, v_bias;  // undefined without include_qkv_bias
  at::Tensor attn_out;                // [D, D]
  at::Tensor ff_norm;                 // [D]
  at::Tensor ff_proj, up_proj;        // [F, D]: the gate (through SiLU) and its factor
  at::Tensor ff_out;                  // [D, F]
};

/// The LLaDA transformer: RMSNorm, rotary positions (rotate-half, float32), bidirectional attention
/// with grouped keys, SwiGLU, a head of its own or tied.  Packed ragged sequences are computed at
/// their exact lengths; a row never depends on its neighbours in the pack.
///
/// Sequences with the two-stream attention pattern (block diffusion) are computed by plain tensor
/// operations with an explicit mask, on every device; `visible` then hides keys as well.
///
/// Runs in float32 or float64.  On the CPU by fused kernels, on other devices by plain tensor
/// operations.  Deterministic: the same bits for the same thread count (see
/// set_deterministic_environment()).
///
/// Source  Nie et al. 2025, arXiv:2502.09992; modeling_llada.py of GSAI-ML/LLaDA-8B-Instruct.
class Llada final : public Model {
 public:
  /// A model whose weights are all zero, to be filled.
  /// Errors  ConfigError if the sizes do not fit; ShapeError for another dtype than float32 or
  ///         float64.
  explicit Llada(const LladaConfig& config, at::ScalarType dtype = at::kFloat,
                 at::Device device = at::kCPU);

  /// Final normalised rows [N, D] of every packed token.
  /// Errors  ShapeError for ids outside the embedding, offsets that do not fit, an empty sequence,
  ///         one longer than max_sequence_length, or one without a visible token.
  [[nodiscard]] at::Tensor hidden(const PackedTokens& batch) const override;
  /// Embedding rows, the input of every block but the first, and the final normalised rows:
  /// n_layers + 1 tensors [N, D] in the order of the original's `output_hidden_states`.
  [[nodiscard]] std::vector<at::Tensor> hidden_states(const PackedTokens& batch) const;
  /// log softmax(head(rows))[target]: [Q, D], [Q] int64 -> [Q].  The logits exist for a chunk of
  /// rows at a time; the log-sum-exp runs in the model's dtype (float32 or float64).
  /// Errors  ShapeError for targets outside the vocabulary or equal to the excluded id.
  [[nodiscard]] at::Tensor log_probabilities(const at::Tensor& rows,
                                             const at::Tensor& targets) const override;
  /// The head's output [Q, embedding_size] of the rows asked for; the excluded id's column is -inf.
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows) const override;
  /// Every weight, in the model folder's order, under its name there.
  [[nodiscard]] std::vector<NamedParameter> parameters() const override;
  /// Columns of the logits (embedding_size of the config).
  [[nodiscard]] std::int64_t vocabulary_size() const override { return config_.embedding_size; }

  /// Takes one id out of the softmax (its logit becomes -inf), or none.  Off by default: the
  /// original keeps the mask token in the softmax.
  void exclude_logit(std::optional<std::int64_t> id) override;
  /// Sets requires_grad of every weight.
  void set_trainable(bool is_trainable) override;

  [[nodiscard]] const LladaConfig& config() const { return config_; }
  [[nodiscard]] at::ScalarType dtype() const override { return embedding_.scalar_type(); }
  [[nodiscard]] at::Device device() const override { return embedding_.device(); }
  [[nodiscard]] std::optional<std::int64_t> excluded_logit() const override {
    return excluded_logit_;
  }
  [[nodiscard]] ModelShape shape() const override { return shape_of(config_); }
  [[nodiscard]] std::shared_ptr<Model> frozen_copy() const override;
  [[nodiscard]] std::string config_text() const override;
  void note_tokens(std::int64_t mask, std::int64_t end_of_text, std::int64_t padding) override;
  void save(const std::filesystem::path& folder) const override;

 private:
  void check(const PackedTokens& batch) const;
  /// The pack with as many one-token sequences behind it as equal bits in every pack take; nothing
  /// where it is large enough.
  [[nodiscard]] std::optional<PackedTokens> widened(const PackedTokens& batch) const;
  [[nodiscard]] BlockContext block_context(const PackedTokens& batch) const;
  [[nodiscard]] at::Tensor embed(const PackedTokens& batch) const;
  const at::Tensor& head() const { return config_.weight_tying ? embedding_ : head_; }

  LladaConfig config_;
  at::Tensor embedding_;  // [E, D]
  std::vector<LladaBlock> blocks_;
  at::Tensor final_norm_;       // [D]
  at::Tensor head_;             // [E, D]; undefined with weight_tying
  at::Tensor cosines_, sines_;  // [head_width / 2, max_sequence_length and padding]
  std::optional<std::int64_t> excluded_logit_;
};
static_assert(Denoiser<Llada>);

/// Names and shapes of every tensor of a model folder.
std::map<std::string, std::vector<std::int64_t>> llada_tensor_shapes(const LladaConfig& config);

/// A trainable model with fresh weights.  Each tensor has a stream of its own, keyed by its name,
/// so that adding a layer changes no other weight.
///
/// Random  Purpose::initialise of `draws`.
std::shared_ptr<Llada> make_llada(const LladaConfig& config, const LladaInit& init,
                                  const Draws& draws, at::ScalarType dtype = at::kFloat,
                                  at::Device device = at::kCPU);

/// A copy with memory of its own that no gradient reaches: the reference of preference tuning.
std::shared_ptr<Llada> clone_frozen(const Llada& model);

}  // namespace lldm
