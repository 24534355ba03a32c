// SPDX-License-Identifier: MIT
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lldm/concepts/denoiser.hpp"
#include "lldm/draws/stream.hpp"
#include "lldm/model/lora.hpp"
#include "lldm/model/model.hpp"
#include "lldm/model/transformer_config.hpp"
#include "lldm/model/weight_store.hpp"

namespace lldm {

struct BlockContext;
class KeptRows;

/// Standard deviations of fresh weights.  Norm weights start at 1, biases at 0.
struct TransformerInit {
  double embedding_std = 0.5;
  double linear_gain = 1.0;  // every other matrix: linear_gain / sqrt(fan_in)
  double head_std = 0.02;    // unused with tied_head: the head is the embedding
};

/// A weight by its name in the model folder: a matrix or a vector.
struct NamedWeight {
  std::string name;
  Matrix matrix;
  at::Tensor vector;

  [[nodiscard]] std::vector<std::int64_t> shape() const {
    if (vector.defined()) return vector.sizes().vec();
    return {matrix.rows(), matrix.columns()};
  }
  /// As numbers; a plain one of this dtype shares its memory.
  [[nodiscard]] at::Tensor value(at::ScalarType dtype) const {
    return vector.defined() ? vector.to(dtype) : matrix.dequantized(dtype);
  }
  /// Fills it, quantizing where it is so stored: of its shape, of any floating dtype.
  void assign(const at::Tensor& value) const {
    if (vector.defined())
      at::Tensor(vector).copy_(value);
    else
      matrix.assign(value);
  }
  /// Whether numbers may be filled in a piece at a time: what is no code, on the host.
  [[nodiscard]] bool takes_pieces() const {
    if (vector.defined()) return vector.is_cpu();
    return matrix.has_numbers() && matrix.values().is_cpu() && matrix.values().is_contiguous();
  }
  /// Its flat numbers from `first` on.
  void assign_piece(std::int64_t first, const at::Tensor& values) const {
    const at::Tensor& whole = vector.defined() ? vector : matrix.values();
    whole.detach().view(-1).narrow(0, first, values.numel()).copy_(values.detach().view(-1));
  }
};

/// The transformer of every family: RMSNorm, rotary positions (rotate-half, float32), bidirectional
/// attention with grouped keys, SwiGLU, a head of its own or tied.  What a family has beside or
/// otherwise is a flag of its config.  Packed ragged sequences are computed at their exact lengths;
/// a row never depends on its neighbours in the pack.
///
/// `hidden(batch)` holds at a token the row that its prediction is read from.  With shifted_logits
/// that is the row of the token before it (of its own for the first), so that nobody outside has to
/// know of the shift; `raw_hidden` is without.
///
/// An id whose embedding row has no logit (SMDM's mask) has probability 0: its column is -inf.
///
/// Sequences with the two-stream attention pattern (block diffusion) are computed by plain tensor
/// operations with an explicit mask, on every device; `visible` then hides keys as well.
///
/// Runs in float32 or float64, or with products that read bfloat16 (Precision); logits and
/// log-probabilities never do.  On the CPU by fused kernels, on other devices by plain tensor
/// operations; on the meta device it has shapes alone.  Deterministic: the same bits for the same
/// thread count (see set_deterministic_environment()).
class Transformer final : public Model {
 public:
  /// A model whose weights are all zero, to be filled.
  /// Errors  ConfigError if the sizes do not fit; ShapeError to compute in another dtype than
  ///         float32, float64 or bfloat16.
  explicit Transformer(const TransformerConfig& config, const Precision& precision = {},
                       at::Device device = at::kCPU, const WeightPlacement& placement = {});

  /// The rows [N, D] that the predictions of all packed tokens are read from.
  /// Errors  ShapeError for ids outside the embedding, offsets that do not fit, an empty sequence,
  ///         one longer than max_length, one without a visible token, or a two-stream sequence
  ///         where logits are shifted.
  [[nodiscard]] at::Tensor hidden(const PackedTokens& batch) const override;
  /// Final normalised rows [N, D] of every packed token, each at its own place.
  [[nodiscard]] at::Tensor raw_hidden(const PackedTokens& batch) const;
  /// hidden(batch) at `positions` [Q], bit by bit, without the rest of the last block's rows.
  [[nodiscard]] at::Tensor hidden_at(const PackedTokens& batch,
                                     const at::Tensor& positions) const override;
  /// Embedding rows, the output of every block, and the final normalised rows: layers + 2 tensors
  /// [N, D], each row at its own place.
  [[nodiscard]] std::vector<at::Tensor> hidden_states(const PackedTokens& batch) const;
  /// log softmax(head(rows))[target]: [Q, D], [Q] int64 -> [Q].  The logits exist for a chunk of
  /// rows at a time; the log-sum-exp runs in the rows' dtype (float32 or float64).
  /// Errors  ShapeError for targets without a logit or equal to the excluded id.
  [[nodiscard]] at::Tensor log_probabilities(const at::Tensor& rows,
                                             const at::Tensor& targets) const override;
  /// The head's output [Q, V] of the rows asked for; columns of the excluded id and of ids without
  /// a logit are -inf.
  [[nodiscard]] at::Tensor logits(const at::Tensor& rows) const override;
  /// Every weight, in the model folder's order, under its name there.  Of a model with an adapter
  /// that is trained, the adapter's tensors alone: NAME.lora_A.weight and NAME.lora_B.weight of the
  /// matrix NAME.weight; while it is not, both.
  [[nodiscard]] std::vector<NamedParameter> parameters() const override;
  /// Every weight without the adapter.  One that is quantized is what it consists of: NAME, its
  /// codes, NAME.absmax, and NAME.nested_absmax of nf4.
  [[nodiscard]] std::vector<NamedParameter> base_parameters() const;
  /// The same as numbers, to be read one at a time, in the model folder's order.
  [[nodiscard]] std::vector<NamedWeight> weights() const;
  /// Rows of the embedding, and columns of the logits.
  [[nodiscard]] std::int64_t vocabulary_size() const override { return config_.embedding_rows(); }

  /// Takes one id out of the softmax (its logit becomes -inf), or none.  Off by default: the
  /// originals keep the mask token in the softmax.  An id without a logit is out of it already.
  void exclude_logit(std::optional<std::int64_t> id) override;
  /// Sets requires_grad of every weight; of a model with an adapter, of the adapter's tensors.
  void set_trainable(bool is_trainable) override;

  /// Puts a fresh adapter beside the matrices that `options` names, and freezes everything else.
  /// A is uniform in +-1 / sqrt(in) and B zero, so that nothing changes yet (PEFT's default).
  /// Errors  ConfigError if a target names no matrix, or the model has an adapter.
  /// Random  Purpose::initialise of `draws`, keyed by the tensor's name.
  void add_adapter(const LoraOptions& options, const Draws& draws) override;
  /// Puts these updates beside their matrices; `where` begins errors.
  /// Errors  DataError naming every update whose matrix no block has, or has in another shape.
  void set_adapter(const std::vector<LoraUpdate>& updates, const std::string& where);
  [[nodiscard]] bool has_adapter() const override { return !adapters_.empty(); }
  /// The updates by the names of their matrices; they share the model's memory.
  [[nodiscard]] std::vector<LoraUpdate> adapter() const;
  /// The base: shares its memory, so that no second copy is held.
  [[nodiscard]] std::shared_ptr<Transformer> without_adapter() const;
  void merge_adapter() override;
  void continue_adapter(const LoraOptions& options) override;

  [[nodiscard]] const TransformerConfig& config() const { return config_; }
  [[nodiscard]] at::ScalarType dtype() const override { return precision_.rows(); }
  [[nodiscard]] Precision precision() const override { return precision_; }
  [[nodiscard]] std::int64_t weight_bytes() const override;
  void set_recomputation(Recomputation recomputation) override;
  /// For tests: who keeps blocks' inputs while recomputation is `offload`.
  void set_kept_rows(std::shared_ptr<KeptRows> kept) { kept_rows_ = std::move(kept); }
  void set_dropout(std::optional<std::uint64_t> key) override { dropout_ = key; }
  [[nodiscard]] at::Device device() const override { return final_norm_.device(); }
  [[nodiscard]] std::optional<std::int64_t> excluded_logit() const override {
    return excluded_logit_;
  }
  [[nodiscard]] ModelShape shape() const override;
  [[nodiscard]] std::shared_ptr<Model> frozen_copy() const override;
  [[nodiscard]] std::shared_ptr<Model> frozen_copy_at(
      const WeightPlacement& placement) const override;
  /// Whether blocks' matrices pass through the device instead of lying there.
  [[nodiscard]] bool is_streamed() const { return is_streamed_; }
  [[nodiscard]] std::string config_text() const override;
  void note_tokens(std::int64_t mask, std::int64_t end_of_text, std::int64_t padding) override;
  void save(const std::filesystem::path& folder) const override;
  void save_adapter(const std::filesystem::path& folder, const std::string& base) const override;

 private:
  void drop_adapter();
  void check(const PackedTokens& batch) const;
  /// The pack with as many tokens behind it, in sequences of their own, as equal bits in every pack
  /// take; nothing where it has them.
  [[nodiscard]] std::optional<PackedTokens> widened(const PackedTokens& batch) const;
  [[nodiscard]] BlockContext block_context(const PackedTokens& batch) const;
  [[nodiscard]] std::vector<std::uint64_t> dropout_keys(const PackedTokens& batch) const;
  [[nodiscard]] at::Tensor embed(const PackedTokens& batch) const;
  /// Final normalised rows of a pack that needs no widening, at `queried` or all, at their places.
  [[nodiscard]] at::Tensor last_rows(const PackedTokens& batch, const at::Tensor& queried) const;
  [[nodiscard]] const BlockAdapters& adapters_of(std::size_t block) const;
  /// The excluded id where it has a logit to be taken away.
  [[nodiscard]] std::optional<std::int64_t> excluded_column() const;
  const Matrix& head() const { return config_.tied_head ? embedding_ : head_; }

  TransformerConfig config_;
  Precision precision_;
  Recomputation recomputation_ = Recomputation::none;
  std::optional<std::uint64_t> dropout_;
  Matrix embedding_;  // [E, D]
  std::shared_ptr<const WeightStore> store_;
  std::vector<BlockAdapters> adapters_;  // one a block, or none
  bool is_trainable_ = false, is_streamed_ = false;
  std::shared_ptr<KeptRows> kept_rows_;  // of blocks' inputs, where the host keeps them
  at::Tensor final_norm_;                // [D]
  Matrix head_;                          // [logit_columns, D]; undefined with tied_head
  at::Tensor cosines_, sines_;           // [head_width / 2, max_length and padding]
  std::optional<std::int64_t> excluded_logit_;
};
static_assert(Denoiser<Transformer>);

/// Names and shapes of every tensor of a model folder.
std::map<std::string, std::vector<std::int64_t>> tensor_shapes(const TransformerConfig& config);

/// A trainable model with fresh weights.  Each tensor has a stream of its own, keyed by its name,
/// so that adding a layer changes no other weight.
///
/// Random  Purpose::initialise of `draws`.
std::shared_ptr<Transformer> make_transformer(const TransformerConfig& config,
                                              const TransformerInit& init, const Draws& draws,
                                              const Precision& precision = {},
                                              at::Device device = at::kCPU);

/// A copy that no gradient reaches: the reference of preference tuning.  It has memory of its own;
/// of a model with an adapter, whose base does not change, it shares the base's.
std::shared_ptr<Transformer> clone_frozen(const Transformer& model,
                                          const WeightPlacement& placement = {});

}  // namespace lldm
