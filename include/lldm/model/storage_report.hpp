// SPDX-License-Identifier: MIT
// What it costs a model's scores to hold its weights in less.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lldm/draws/stream.hpp"
#include "lldm/model/matrix.hpp"

namespace lldm {

/// One storage against the folder's numbers in float32.
struct StorageError {
  std::string name;  // "bfloat16", "int8", "nf4"; "bfloat16 products" of bfloat16 weights
  Precision precision;
  std::int64_t bytes = 0;  // of the weights
  // Of log p of a token, in nats:
  double root_mean_square = 0;
  double largest = 0;
  /// Of the sum over a text's scored tokens, in nats.
  double text_root_mean_square = 0;
};

/// Of texts that are given as ids, each with a share of its tokens masked (the shares lie evenly in
/// (0, 1)), log p of the masked tokens; of a model without a mask token, of every token.
///
/// Random  Purpose::noise of `draws`, keyed by the text.
/// Errors  as load_transformer; DataError for an id that is none of the model's.
/// Cost    one storage at a time is in memory; a forward pass of each text.
std::vector<StorageError> storage_errors(const std::filesystem::path& folder,
                                         const std::vector<std::vector<std::int64_t>>& texts,
                                         const Draws& draws);

/// Texts of random ids, for want of real ones: `count` of `length` ids that are not the mask.
/// Random  Purpose::data of `draws`, keyed by the text.
std::vector<std::vector<std::int64_t>> random_texts(const std::filesystem::path& folder,
                                                    std::int64_t count, std::int64_t length,
                                                    const Draws& draws);

}  // namespace lldm
