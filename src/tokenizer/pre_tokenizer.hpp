// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <vector>

#include "text/json.hpp"
#include "tokenizer/pieces.hpp"

namespace lldm {

/// How the text of a piece stands when a tokenizer.json's model gets it.
enum class PieceText {
  symbols,  // as the file says: ByteLevel writes bytes in its alphabet
  bytes,    // a ByteLevel at the end leaves the bytes as they are: byte-level BPE needs no alphabet
};

/// `pre_tokenizer` of a tokenizer.json: cuts a normalised text into the pieces that the model
/// encodes one by one.  The table in pre_tokenizer.cpp says which are read.
class PreTokenizer {
 public:
  PreTokenizer() = default;  // one piece
  /// DataError naming the JSON path of what is not implemented.
  explicit PreTokenizer(const JsonView& json);

  /// Whether the last step is a ByteLevel.
  [[nodiscard]] bool ends_in_byte_level() const { return ends_in_byte_level_; }
  void cut(Pieces& pieces, PieceText as) const;

 private:
  void add(const JsonView& json);
  std::vector<std::function<void(Pieces&)>> steps_;  // the last is the alphabet of a last ByteLevel
  bool ends_in_byte_level_ = false;
};

}  // namespace lldm
