// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lldm/tokenizer/special_names.hpp"
#include "tokenizer/text_matcher.hpp"

namespace lldm {

/// The special tokens of a built-in tokenizer: consecutive ids behind its ordinary ones, in the
/// order of the roles; roles with the same text share an id.
class BuiltinSpecial {
 public:
  /// DataError if a name holds white space or is not valid UTF-8.
  BuiltinSpecial(const SpecialNames& names, std::int64_t first_id);

  [[nodiscard]] const SpecialNames& names() const { return names_; }
  [[nodiscard]] const SpecialTokens& ids() const { return ids_; }
  [[nodiscard]] const std::vector<std::string>& texts() const { return texts_; }
  [[nodiscard]] std::int64_t end_id() const {
    return first_id_ + static_cast<std::int64_t>(texts_.size());
  }
  /// Text of a special id; nullptr for an ordinary one.
  [[nodiscard]] const std::string* text_of(std::int64_t id) const {
    return id < first_id_ ? nullptr : &texts_.at(static_cast<std::size_t>(id - first_id_));
  }

  /// Calls `on_text(part)` and `on_special(id)` from left to right; the whole text under `plain`.
  template <class OnText, class OnSpecial>
  void split(std::string_view text, SpecialText mode, OnText on_text, OnSpecial on_special) const {
    std::size_t done = 0;
    while (mode == SpecialText::recognise) {
      const TextMatcher::Match match = matcher_.find(text, done);
      if (match.begin == std::string_view::npos) break;
      if (match.begin > done) on_text(text.substr(done, match.begin - done));
      on_special(match.id);
      done = match.end;
    }
    if (done < text.size()) on_text(text.substr(done));
  }

 private:
  SpecialNames names_;
  std::int64_t first_id_;
  SpecialTokens ids_;
  std::vector<std::string> texts_;
  TextMatcher matcher_;
};

}  // namespace lldm
