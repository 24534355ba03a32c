// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lldm/concepts/tokenizer.hpp"
#include "text/json.hpp"
#include "tokenizer/pre_tokenizer.hpp"

namespace lldm {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};
template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

/// Text -> id of every token of a file, ids 0 .. size-1 without holes: the vocabulary's, then the
/// added ones.
struct TokenTable {
  std::vector<std::string> text_of_id;
  TextMap<std::int64_t> id_of_text;
  std::int64_t vocabulary_size = 0;
  std::vector<bool> is_control;  // by id: plain text never gives it

  [[nodiscard]] std::int64_t find(std::string_view text) const {
    const auto found = id_of_text.find(text);
    return found == id_of_text.end() ? -1 : found->second;
  }
  /// A token that a model may give for text: of the vocabulary, and under `plain` no control token.
  /// -1: none.
  [[nodiscard]] std::int64_t find_for_text(std::string_view text, SpecialText mode) const {
    const std::int64_t id = find(text);
    return id < vocabulary_size && is_allowed(id, mode) ? id : -1;
  }
  [[nodiscard]] bool is_allowed(std::int64_t id, SpecialText mode) const {
    return id >= 0 && (mode == SpecialText::recognise || !is_control[static_cast<std::size_t>(id)]);
  }
};

/// `model` of a tokenizer.json: a piece of text to ids.  Safe to share between threads.
class TokenModel {
 public:
  virtual ~TokenModel() = default;
  TokenModel() = default;
  TokenModel(const TokenModel&) = delete;
  TokenModel& operator=(const TokenModel&) = delete;

  /// Appends the ids of one piece, which is not empty.  What `find_missing` names is left out.
  /// Under `recognise` as the reference does, for which a control token is a token like others;
  /// under `plain` the text is cut as if the vocabulary had no control tokens (merges may still
  /// give one: the caller looks).
  ///
  /// Errors  DataError where the vocabulary has no token and the file names no unknown one.
  virtual void encode(std::string_view piece, SpecialText mode,
                      std::vector<std::int64_t>& ids) const = 0;
  /// Offset of the first character that `encode` would leave out, or npos.
  [[nodiscard]] virtual std::size_t find_missing(std::string_view) const {
    return std::string_view::npos;
  }
  /// The id that stands for what the vocabulary lacks, or -1.
  [[nodiscard]] virtual std::int64_t unknown() const { return -1; }
  /// How the pieces must stand.
  [[nodiscard]] virtual PieceText reads() const { return PieceText::symbols; }
};

/// What gives the merges of a BPE their ranks.
enum class MergeRanks {
  by_place,   // their place in the list
  by_result,  // the id of what they give: tiktoken's rule
};

/// What a model must know of the rest of its file.
struct ModelContext {
  bool after_byte_level = false;  // the pieces come from a ByteLevel
  MergeRanks ranks = MergeRanks::by_place;
};

/// The model of a file: BPE, WordLevel, WordPiece, Unigram.  `table` is complete and must outlive
/// it.
///
/// Errors  DataError naming the JSON path of what is wrong or not implemented.
[[nodiscard]] std::unique_ptr<TokenModel> make_token_model(const JsonView& model,
                                                           const TokenTable& table,
                                                           const ModelContext& context);

}  // namespace lldm
