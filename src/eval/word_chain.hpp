// SPDX-License-Identifier: MIT
// The worked chain of a word problem: "4 + 3 = 7 ; 7 - 2 = 5 ; #### 5".  Internal to src/eval.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lldm::eval {

struct Operation {
  char sign;  // '+' or '-'
  std::int64_t operand;
};

struct ChainStep {
  std::int64_t left;
  Operation operation;
  std::int64_t result;  // as written: an injected error may make it wrong
  bool operator==(const ChainStep& other) const {
    return left == other.left && operation.sign == other.operation.sign &&
           operation.operand == other.operation.operand && result == other.result;
  }
};

struct Chain {
  std::vector<ChainStep> steps;
  std::int64_t answer = 0;
  std::int64_t num_superfluous = 0;  // lines "now <last result> ;" before the answer
};

[[nodiscard]] std::int64_t apply(std::int64_t value, Operation operation);
/// Every step computed rightly from `start`.
[[nodiscard]] Chain compute_chain(std::int64_t start, const std::vector<Operation>& operations);
/// All values, operands and the answer are in [0, value_max].
[[nodiscard]] bool is_in_range(const Chain& chain, std::int64_t value_max);
[[nodiscard]] std::string write_chain(const Chain& chain);

/// A text as lines of words: split at ";", then at white space.
struct ChainText {
  std::vector<std::vector<std::string>> lines;  // without the answer line's "#### n"
  std::size_t num_marks = 0;                    // how often the word "####" occurs
  std::optional<std::int64_t> answer;           // the integer after the one "####"
  std::string answer_word;                      // as written
  bool ends_with_answer = false;  // nothing stands before "####" in its line or after n
};
/// The words of a text, single spaces between them.
[[nodiscard]] std::string normalise_words(std::string_view text);
[[nodiscard]] ChainText read_chain_text(std::string_view text);
/// "a + b = c" or "a - b = c" with integers.
[[nodiscard]] std::optional<ChainStep> parse_step(const std::vector<std::string>& words);
/// The chain of a reference answer, concise or verbose; nothing for other texts.
[[nodiscard]] std::optional<Chain> parse_chain(std::string_view text);
/// Decimal integer of the whole word, at most 18 digits.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view word);

}  // namespace lldm::eval
