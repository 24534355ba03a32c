// SPDX-License-Identifier: MIT
// Whether prompt and answer are the same tokens together as each by itself.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lldm/concepts/tokenizer.hpp"
#include "lldm/data/template.hpp"

namespace lldm {

/// Whether the tokens `prompt` of a prompt by itself are not those that prompt and answer, encoded
/// together, begin with.  A tokenizer that does not know what the two make together spans it.
[[nodiscard]] bool spans_border(const Rendered& rendered, const std::vector<std::int64_t>& prompt,
                                const Tokenizer& tokenizer);

/// Answers whose border a token would span, of those looked at.
struct BorderCount {
  std::int64_t looked_at = 0, spanning = 0;
  std::string first = {};  // the place of the first one

  void add(bool spans, const std::string& place);
  /// "of 3 of 120 answers (first rows.jsonl:7) a token ...", and what follows; "" if none is.
  [[nodiscard]] std::string problem() const;
};

}  // namespace lldm
