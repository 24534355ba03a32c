// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/precompiled_charsmap.hpp"
#include "tokenizer/token_model.hpp"

namespace lldm {

/// What a SentencePiece model file (a ModelProto of protocol buffers) holds.
///
/// Source  google/sentencepiece, sentencepiece_model.proto
struct SentencePieceModel {
  enum class Kind { unigram = 1, bpe = 2, word = 3, character = 4 };
  enum class Type { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  struct Piece {
    std::string text;
    float score = 0;
    Type type = Type::normal;
  };

  Kind kind = Kind::unigram;
  std::vector<Piece> pieces;
  TextMap<std::int32_t> ids;       // of pieces that text may give: normal, user-defined, unused
  TextMap<std::int32_t> reserved;  // of all others
  std::int32_t unknown = -1;
  bool byte_fallback = false;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  std::string unknown_surface = " \u2047 ";
  std::string begin_piece = "<s>", end_piece = "</s>", padding_piece = "<pad>";
  PrecompiledCharsmap charsmap{PrecompiledCharsmap::Bytes{""}};

  /// Reads a file's bytes; `file` names it in messages.
  ///
  /// Errors  DataError: no such file, cut short, two pieces of one text, no unknown piece, or a
  ///         setting that is not implemented (treat_whitespace_as_suffix, a denormalizer).
  static SentencePieceModel parse(std::string_view bytes, const std::string& file);

  /// Id of a piece as the library finds it: reserved ones first; the unknown one where there is
  /// none.
  [[nodiscard]] std::int32_t id_of(std::string_view piece) const;
  [[nodiscard]] Type type_of(std::int32_t id) const {
    return pieces[static_cast<std::size_t>(id)].type;
  }
};

}  // namespace lldm
