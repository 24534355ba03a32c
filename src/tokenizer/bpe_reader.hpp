// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>

#include "tokenizer/token_model.hpp"

namespace lldm {

/// `unk_token` of a model: its id, -1 where the file names none or the vocabulary lacks it.
[[nodiscard]] std::int64_t read_unknown(const JsonView& model, const TokenTable& table);

/// A model of type BPE: byte-level where the pieces come from a ByteLevel and nothing else is
/// asked, else by characters.
/// Errors  DataError naming the JSON path.
[[nodiscard]] std::unique_ptr<TokenModel> read_bpe(const JsonView& model, const TokenTable& table,
                                                   const ModelContext& context);

}  // namespace lldm
