// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/json.hpp"
#include "tokenizer/split_regex.hpp"

namespace lldm {

/// What happens to the matches of a Split.
enum class SplitBehaviour { removed, isolated, merged_with_previous, merged_with_next, contiguous };

/// `pre_tokenizer` of a byte-level tokenizer.json: any Split and Digits, then one ByteLevel, alone
/// or in a Sequence.  Cuts a normalised text into the pieces inside which BPE merges.
class PreTokenizer {
 public:
  /// DataError naming the JSON path of what is not implemented.
  explicit PreTokenizer(const JsonView& json);

  /// The pieces of `text`, none empty; they may point into `text` or into `storage`.
  void split(std::string_view text, std::vector<std::string_view>& pieces,
             std::string& storage) const;

 private:
  struct Step {
    SplitRegex regex;
    SplitBehaviour behaviour;
    bool is_inverted;
  };
  void add(const JsonView& json);
  void add_split(const JsonView& json);
  void add_byte_level(const JsonView& json);

  std::vector<Step> before_;      // Split and Digits
  std::vector<Step> byte_level_;  // at most GPT-2's expression
  bool adds_prefix_space_ = false;
  bool has_byte_level_ = false;
};

}  // namespace lldm
