// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <vector>

#include "lldm/concepts/packed_tokens.hpp"

namespace lldm {

/// A network that reads noised text and says, at queried positions, how likely each clean token is.
///
/// A type is a Denoiser if
///   1. `hidden(batch)` gives the final normalised row of every packed token:      [N] -> [N, D];
///   2. `log_probabilities(rows, targets)` gives log softmax(head(rows))[target], in chunks,
///      the log-sum-exp in float32 (float64 for a float64 model):       [Q, D], [Q] -> [Q];
///   3. `logits(rows)` gives the head's output of the rows asked for:   [Q, D] -> [Q, V];
///   4. `parameters()` lists the trainable tensors under their names in the model folder;
///   5. `vocabulary_size()` is V, the columns of `logits`: ids of tokens and targets are below it.
/// Ids, targets and `visible` come on the host: a model checks them, since an id outside the
/// vocabulary cannot be told any more on a GPU, and takes them to its device; rows are on it.
/// 1 and 2 build an autograd graph when grad mode is on.  A token's rows may depend only on its own
/// sequence, never on its neighbours in the pack.
/// Syntax is checked here; the laws by tests/conformance/denoiser_test.cpp.
/// See  ScoreEngine - evaluates plans with it;  Sampler - generates with it.
template <class D>
concept Denoiser = requires(const D& denoiser, const PackedTokens& batch, const at::Tensor& rows,
                            const at::Tensor& targets) {
  { denoiser.hidden(batch) } -> std::same_as<at::Tensor>;
  { denoiser.log_probabilities(rows, targets) } -> std::same_as<at::Tensor>;
  { denoiser.logits(rows) } -> std::same_as<at::Tensor>;
  { denoiser.parameters() } -> std::same_as<std::vector<NamedParameter>>;
  { denoiser.vocabulary_size() } -> std::same_as<std::int64_t>;
};

/// The rows of `hidden(batch)` at `positions` [Q] int64, on the model's device: [Q, D].  A denoiser
/// may have a member `hidden_at(batch, positions)` that computes no more than those; it gives the
/// same bits.
template <Denoiser D>
[[nodiscard]] at::Tensor hidden_at(const D& denoiser, const PackedTokens& batch,
                                   const at::Tensor& positions) {
  if constexpr (requires {
                  { denoiser.hidden_at(batch, positions) } -> std::same_as<at::Tensor>;
                })
    return denoiser.hidden_at(batch, positions);
  else
    return denoiser.hidden(batch).index_select(0, positions);
}

}  // namespace lldm
