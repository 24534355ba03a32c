// SPDX-License-Identifier: MIT
// The peak of a training run, from its sizes, before its first step.  Pure arithmetic.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/config/field.hpp"
#include "lldm/memory/manager.hpp"

namespace lldm {

/// What one transformer block keeps for its backward, in vectors per token; the numbers belong to
/// an implementation of the block and are calibrated against the manager's measurement of it.  The
/// defaults are of a block in plain operators that saves each operator's inputs: RMSNorm, q/k/v,
/// RoPE, attention, output projection, residual, RMSNorm, SwiGLU, residual.
struct ActivationModel {
  double width_vectors =
      12;  // of `width` values: norm inputs and outputs, q, k, v before and after RoPE ...
  double mlp_vectors = 4;  // of `mlp_width` values: gate, up, silu(gate), their product
  double attention_matrices =
      1;  // [heads, L, L] a sequence: the probabilities; 0 with flash attention
  double values_per_head = 0;          // a token and head: 1 with flash attention (the log-sum-exp)
  double outer_width_vectors = 3;      // outside the blocks: embedding, final norm, gathered rows
  double transient_width_vectors = 4;  // alive only while one block runs or is differentiated
  double transient_mlp_vectors = 3;
  double transient_attention_matrices = 2;

  /// The same block where attention is fused and keeps its log-sum-exp only.
  [[nodiscard]] static ActivationModel with_flash_attention();
  /// Blocks that keep `width_vectors` of a token and no more, and make the rest of this model's
  /// again, one block at a time, in backward.
  [[nodiscard]] ActivationModel recomputed(double kept_width_vectors, bool keeps_attention) const;
};

/// The sizes of a training step.  What the gradient paths of the score engine need:
///   linear, replay   kept_forwards = 1, side_buffers = 0
///   retain           kept_forwards = forward passes of one micro-batch, side_buffers = 0
///   pairwise         kept_forwards = 1, side_buffers = 1, or 2 for losses of each score
struct PlanInputs {
  // the model
  std::int64_t parameters = 0;
  std::int64_t trainable_parameters = 0;  // all of them, or the adapter's
  std::int64_t width = 0;
  std::int64_t layers = 0;
  std::int64_t heads = 0;
  std::int64_t mlp_width = 0;
  std::int64_t vocabulary = 0;
  // the number formats, in bytes a value
  double weight_bytes = 4;  // on average, as the weights are stored
  std::int64_t compute_bytes = 4;
  std::int64_t gradient_bytes = 4;
  std::int64_t optimizer_bytes = 4;
  std::int64_t optimizer_states =
      2;  // of each trainable weight: AdamW 2, SGD with momentum 1, 0 without training
  // the step
  std::int64_t reference_parameters = 0;  // of a frozen copy beside the policy, and its tables
  std::int64_t adapter_values = 0;        // of the policy's adapter, and of its reference's
  std::int64_t tokens_per_forward = 0;    // of the largest packed forward
  std::int64_t longest_sequence = 0;      // in it
  std::int64_t queried_rows = 0;          // of it that reach the head
  std::int64_t logits_chunk_rows = 0;     // at once; 0: all queried rows
  std::int64_t logits_matrices =
      3;  // [chunk, vocabulary] float32 alive at once: logits, softmax, gradient
  std::int64_t kept_forwards = 1;
  std::int64_t side_buffers = 0;
  std::int64_t table_values = 0;           // held beside the parameters: rotary tables
  std::int64_t block_gradient_values = 0;  // of one block's weights, before they are added
  std::int64_t staging_bytes = 0;          // batches on their way to the device
  std::int64_t publishing_bytes = 0;       // numbers on their way to a file, between steps
  ActivationModel activations;
  ByteSize budget;  // 0: none
};

struct PlanLine {
  std::string_view what;  // "reference", "pair buffers", ...
  MemoryPurpose purpose;  // that the manager counts it under
  std::int64_t bytes = 0;
};

struct MemoryPlan {
  std::vector<PlanLine> lines;
  std::int64_t budget_bytes = 0;

  [[nodiscard]] std::int64_t bytes(MemoryPurpose purpose) const;
  /// The predicted peak: all lines are alive at the end of the last forward of a step after the
  /// first.
  [[nodiscard]] std::int64_t peak_bytes() const;
  /// True without a budget.
  [[nodiscard]] bool fits() const { return budget_bytes == 0 || peak_bytes() <= budget_bytes; }
  /// A table of the lines with the budget; with a measurement, the measured peaks and their ratio
  /// beside.
  [[nodiscard]] std::string text(const DeviceMemory* measured = nullptr) const;
  /// Errors  OutOfMemory if it does not fit: the largest lines, and what would make it fit.
  void require_fit() const;
};

/// Predicts the peak of a training run by purpose.  With N tokens a forward, L the longest
/// sequence, D, M, H, V width, MLP width, heads and vocabulary, c the compute bytes and a the
/// activation model:
///   weights       = parameters * weight_bytes + tables * c, the same for the reference
///   adapter       = adapter_values * c
///   gradients     = trainable * gradient_bytes, the same for each side buffer
///   optimizer     = trainable * optimizer_states * optimizer_bytes
///   activations   = kept_forwards * (layers * block + N * D * a.outer_width_vectors * c)
///                   + transient
///     block       = c * (N * (D * a.width_vectors + M * a.mlp_vectors + H * a.values_per_head)
///                        + N * L * H * a.attention_matrices)
///     transient   = c * (N * (D * a.transient_width_vectors + M * a.transient_mlp_vectors)
///                        + N * L * H * a.transient_attention_matrices)
///   publishing    = what publishing_bytes is more than activations and logits, which are gone then
///   logits        = min(chunk, rows) * V * 4 * logits_matrices + kept_forwards * rows * D * c
/// N * L bounds the sum of squared lengths of a packed batch, so the plan errs upwards for ragged
/// batches.
///
/// Errors  ShapeError for a negative size, or more trainable parameters than parameters.
[[nodiscard]] MemoryPlan plan_memory(const PlanInputs& inputs);

}  // namespace lldm
