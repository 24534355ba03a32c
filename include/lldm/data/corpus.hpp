// SPDX-License-Identifier: MIT
// Texts as tokens on disk, for pretraining: larger than memory, read as it is trained on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/data/rows.hpp"

namespace lldm {

struct PackRequest {
  std::vector<std::filesystem::path> files;  // of text rows, in this order
  std::filesystem::path folder;              // made; an existing one is refused
  RowReaderOptions reader = {};
  /// Told every text and its place ("rows.jsonl:12"), and once when all were told, before anything
  /// is published; either may throw.
  std::function<void(const std::string& text, const std::string& place)> on_text = {};
  std::function<void()> on_read = {};
};

/// What was packed.
struct PackedCounts {
  std::int64_t documents = 0, tokens = 0;  // tokens with the end-of-text of every document
  std::uint64_t bytes = 0;                 // of the tokens on disk
};

/// Writes the texts of `files`, each with one end-of-text behind it, as a folder: tokens.bin
/// (little-endian, 16 bits where every id fits, else 32), documents.bin (where each ends, 64 bits),
/// corpus.json (tokenizer, counts, the files read and their SHA-256) and MANIFEST.json (size and
/// SHA-256 of each).  One row is in memory at a time.
///
/// Errors  DataError for bad rows, as `read_text_rows`, and for a tokenizer without end-of-text;
///         Error if the folder is there; nothing is left of an attempt that fails.
PackedCounts pack_corpus(const PackRequest& request, const Tokenizer& tokenizer);

/// A packed corpus, mapped into memory: what is not read costs nothing.
class Corpus {
 public:
  /// Errors  DataError: no corpus, or one whose files have not the size, or whose documents.bin has
  ///         not the bytes, that its manifest says (tokens.bin is hashed by `verify` alone).
  explicit Corpus(const std::filesystem::path& folder);
  ~Corpus();
  Corpus(const Corpus&) = delete;
  Corpus& operator=(const Corpus&) = delete;

  [[nodiscard]] std::int64_t num_tokens() const { return num_tokens_; }
  [[nodiscard]] std::int64_t num_documents() const { return num_documents_; }
  /// Of the tokenizer that wrote it (Tokenizer::fingerprint).
  [[nodiscard]] const std::string& tokenizer() const { return tokenizer_; }
  [[nodiscard]] std::int64_t vocabulary_size() const { return vocabulary_size_; }
  /// Tokens [begin, end) of all documents in order.
  [[nodiscard]] std::vector<std::int64_t> tokens(std::int64_t begin, std::int64_t end) const;
  /// Where a document ends, behind its end-of-text; it begins where the one before ends.
  [[nodiscard]] std::int64_t end_of(std::int64_t document) const;

  /// Reads every byte.  DataError naming what is not as the manifest says.
  void verify() const;

 private:
  struct Mapping;
  std::filesystem::path folder_;
  std::unique_ptr<Mapping> tokens_, ends_;
  std::int64_t num_tokens_ = 0, num_documents_ = 0, vocabulary_size_ = 0;
  int token_bytes_ = 4;
  std::string tokenizer_;
};

/// A text of a row, and its number among all texts of all rows.
struct CorpusText {
  std::int64_t number = 0;
  std::vector<std::int64_t> tokens;
};

/// Rows of at most `length` tokens of a corpus.
///
/// concat    every `length` tokens are one text, whatever documents they are of; the last may be
///           shorter.
/// isolated  every document is cut every `length` tokens, and what that gives fills rows in order:
///           a row holds as many texts as fit, none of which is to see another.  Finding a row is
///           a walk over at most 256 rows; of each 256th is kept where it begins.
class CorpusRows {
 public:
  CorpusRows(std::shared_ptr<const Corpus> corpus, bool is_isolated, std::int64_t length);

  [[nodiscard]] std::int64_t size() const { return size_; }
  /// The texts of row `index` in [0, size()).
  [[nodiscard]] std::vector<CorpusText> texts(std::int64_t index) const;

 private:
  /// Where a text begins.
  struct Place {
    std::int64_t document = 0, offset = 0, number = 0;
  };
  [[nodiscard]] std::int64_t begin_of(std::int64_t document) const;
  [[nodiscard]] std::int64_t length_at(const Place& place) const;
  /// Goes to the next row; what is passed is added to `texts` where there are any to fill.
  void pass_row(Place& place, std::vector<CorpusText>* texts) const;

  std::shared_ptr<const Corpus> corpus_;
  bool is_isolated_;
  std::int64_t length_, size_ = 0;
  std::vector<Place> first_;  // of every 256th row
};

}  // namespace lldm
