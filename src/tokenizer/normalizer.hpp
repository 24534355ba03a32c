// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json.hpp"
#include "tokenizer/split_regex.hpp"

namespace lldm {

enum class NormalForm { nfc, nfd, nfkc, nfkd };

/// Unicode normalisation of valid UTF-8 by utf8proc, except for what the reference leaves alone
/// (tokenizer/unicode_inert.hpp).
[[nodiscard]] std::string normal_form(std::string_view text, NormalForm form);

/// `normalizer` of a tokenizer.json: null, NFC, NFD, NFKC, NFKD, Replace, Sequence of these.
class Normalizer {
 public:
  Normalizer() = default;  // changes nothing
  /// DataError naming the JSON path of what is not implemented.
  explicit Normalizer(const JsonView& json);

  [[nodiscard]] bool empty() const { return steps_.empty(); }
  [[nodiscard]] std::string operator()(std::string_view text) const;

 private:
  struct Step {
    std::optional<NormalForm> form;    // either this,
    std::optional<SplitRegex> search;  // or replace what this finds
    std::string replacement;
  };
  void add(const JsonView& json);
  std::vector<Step> steps_;
};

/// {"String": text} or {"Regex": expression}, as Split and Replace write their pattern.
[[nodiscard]] SplitRegex read_pattern(const JsonView& json);

}  // namespace lldm
