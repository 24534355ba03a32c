// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lldm {

/// Ids of the special tokens by role; -1 where the tokenizer has none.  Stored with the model and
/// checked by name when it is loaded.
struct SpecialTokens {
  std::int64_t mask = -1;
  std::int64_t end_of_text = -1;  // closes an answer and fills its canvas
  std::int64_t begin_of_text = -1;
  std::int64_t end_of_turn = -1;
  std::int64_t padding = -1;
  bool operator==(const SpecialTokens&) const = default;
};

/// Whether the text of a special token in the input becomes that token.
enum class SpecialText {
  plain,      // no: users' text can never forge a control token
  recognise,  // yes: for rendered templates only
};

/// Text <-> token ids.  Immutable after construction, safe to share between threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Token ids of valid UTF-8 text, without any special token added.  DataError on a character that
  /// the vocabulary cannot express (never dropped in silence) and on invalid UTF-8.
  [[nodiscard]] virtual std::vector<std::int64_t> encode(
      std::string_view text, SpecialText special = SpecialText::plain) const = 0;
  /// Text of the ids; special tokens are left out with `skip_special`.  DataError on an id outside
  /// [0, V).
  [[nodiscard]] virtual std::string decode(std::span<const std::int64_t> ids,
                                           bool skip_special = true) const = 0;
  /// Number of ids, special ones included.
  [[nodiscard]] virtual std::int64_t vocabulary_size() const = 0;
  [[nodiscard]] virtual const SpecialTokens& special() const = 0;
  /// The TOML name: "bytes", "words", "tokenizer_json".
  [[nodiscard]] virtual std::string_view type() const = 0;
  /// Writes what `load_tokenizer` reads into the folder of a model.
  virtual void save(const std::filesystem::path& folder) const = 0;
  /// SHA-256 (hex) of everything that decides ids: stored in checkpoints and compared at resume.
  [[nodiscard]] virtual std::string fingerprint() const = 0;
};

}  // namespace lldm
