// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
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

/// One step: valid UTF-8 to valid UTF-8.
using NormalizerStep = std::function<std::string(std::string)>;

/// `normalizer` of a tokenizer.json.  The table in normalizer.cpp says which.
class Normalizer {
 public:
  Normalizer() = default;  // changes nothing
  /// DataError naming the JSON path of what is not implemented.
  explicit Normalizer(const JsonView& json);

  [[nodiscard]] bool empty() const { return steps_.empty(); }
  [[nodiscard]] std::string operator()(std::string_view text) const;

 private:
  void add(const JsonView& json);
  std::vector<NormalizerStep> steps_;
};

/// {"String": text} or {"Regex": expression}, as Split and Replace write their pattern.
[[nodiscard]] SplitRegex read_pattern(const JsonView& json);
/// `text` with every match of `pattern` replaced.
[[nodiscard]] std::string replace_all(const SplitRegex& pattern, std::string_view text,
                                      std::string_view replacement);
/// The one character of a JSON text.  DataError at its path for none or several.
[[nodiscard]] std::string one_character(const JsonView& json);

}  // namespace lldm
