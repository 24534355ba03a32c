// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "lldm/model/transformer.hpp"

namespace lldm {

/// How a model that was trained to read from left to right becomes the start of a diffusion model.
struct ConversionOptions {
  /// An id that no text uses becomes the mask; none: a row is added to embedding and head, the mean
  /// of the others (Dream and dLLM take an unused id; Hewitt 2021 for the mean).
  std::optional<std::int64_t> mask_token = {};
  /// Whether position i is predicted at i - 1, as the checkpoint was trained; false: in place.
  bool shifted_logits = true;
};

/// A model with the weights of `model`, a mask token and the shift that is asked for.
/// Errors  ConfigError if the id has no row, or is the end-of-text or padding token.
std::shared_ptr<Transformer> converted(const Transformer& model, const ConversionOptions& options);

}  // namespace lldm
