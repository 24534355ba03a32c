// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lldm {

/// What a new byte-level BPE is made of.
struct BpeTraining {
  std::int64_t size = 32000;      // ids in all: 256 bytes, merges, special tokens; at least 257
  std::string pattern = "qwen2";  // gpt2, cl100k, o200k, llama3, qwen2, or an expression
  std::vector<std::string> special = {};  // behind all others
};

/// Learns a byte-level BPE from texts: again and again the pair of neighbours that occurs most
/// often becomes a token, of equal counts the one of lower ids.  Texts are put into NFC and cut by
/// the pattern; no merge crosses a cut.  The result depends on the texts alone, not on their order.
///
/// Cost    memory: the distinct pieces.  Time: all texts once, then every merge in the pieces that
///         hold it.
/// Source  Sennrich et al. 2016, arXiv:1508.07909; huggingface/tokenizers, models/bpe/trainer.rs,
///         whose merges it gives (Tests golden/tokenizer_train_test.cpp)
class BpeTrainer {
 public:
  /// Errors  ConfigError for a size or special tokens that cannot be; DataError for the pattern.
  explicit BpeTrainer(const BpeTraining& settings);
  ~BpeTrainer();

  /// Errors  DataError for text that is not UTF-8.
  void add(std::string_view text);
  /// The tokenizer.json.  It has fewer ids than `size` where the texts have no more pairs.
  [[nodiscard]] std::string finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lldm
