// SPDX-License-Identifier: MIT
// Small models of every family with weights of ordinary size, and texts for them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lldm/model/transformer.hpp"

namespace lldm::gpu_check {

/// A shape of the family, with every bias it may have.
TransformerConfig small_config(const std::string& family);
/// Fresh float64 weights on the host: the truth that others are copied from.
std::shared_ptr<Transformer> exact_model(const TransformerConfig& config);
/// The same weights elsewhere and in another precision; trainable where they are plain.
std::shared_ptr<Transformer> copy_of(const Transformer& exact, const Precision& precision,
                                     at::Device device, const WeightPlacement& placement = {});
/// Ragged texts; with `hides` some tokens are hidden, with `is_two_stream` one text is two-stream.
PackedTokens texts_of(const TransformerConfig& config, bool hides, bool is_two_stream);

/// A loss in which no gradient cancels, of the scores at every second token.
at::Tensor weighted_loss(const Transformer& model, const PackedTokens& texts);
/// Gradients of all parameters of that loss.
std::vector<at::Tensor> gradients_of(const Transformer& model, const PackedTokens& texts);

}  // namespace lldm::gpu_check
