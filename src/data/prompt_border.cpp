// SPDX-License-Identifier: MIT
#include "data/prompt_border.hpp"

#include <algorithm>

#include "lldm/errors.hpp"

namespace lldm {

bool spans_border(const Rendered& rendered, const std::vector<std::int64_t>& prompt,
                  const Tokenizer& tokenizer) {
  // Words are parted by blanks, which a template need not write: no token of theirs holds two.
  if (tokenizer.type() == "words") return false;
  std::vector<Span> both = rendered.prompt;
  both.insert(both.end(), rendered.response.begin(), rendered.response.end());
  try {
    const std::vector<std::int64_t> ids = encode_spans(both, tokenizer);
    return ids.size() < prompt.size() || !std::equal(prompt.begin(), prompt.end(), ids.begin());
  } catch (const DataError&) {  // each was encoded by itself: the border alone is new
    return true;
  }
}

void BorderCount::add(bool spans, const std::string& place) {
  ++looked_at;
  if (spans && spanning++ == 0) first = place;
}

std::string BorderCount::problem() const {
  if (spanning == 0) return "";
  return message("of ", spanning, " of ", looked_at, " answers (first ", first,
                 ") a token of prompt and answer together would span their border; each is encoded "
                 "by itself, as when an answer is sampled\n  programs that encode both together "
                 "see other tokens there; prompt_boundary = \"prefix\" makes it an error");
}

}  // namespace lldm
