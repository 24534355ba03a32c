// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "lldm/concepts/any_denoiser.hpp"

namespace lldm {

/// A denoiser whose logits are -inf for the ids from `num_tokens` on.
///
/// The embedding of a published model may have more rows than its tokenizer has tokens (LLaDA-8B:
/// 126464 and 126349).  A sampler that reads this denoiser never chooses such an id, whatever its
/// temperature and commit rule, and its confidences are probabilities among tokens.
/// `log_probabilities` stay the model's own, over every row: scores are what the original's are.
///
/// Range   1 <= num_tokens; the denoiser itself where num_tokens is its vocabulary size or more.
/// Tests   unit/sampler/tokens_only_test.cpp
[[nodiscard]] AnyDenoiser tokens_only(const AnyDenoiser& denoiser, std::int64_t num_tokens);

}  // namespace lldm
