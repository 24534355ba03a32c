// SPDX-License-Identifier: MIT
#include "stage/mask_in_data.hpp"

#include <algorithm>
#include <array>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

constexpr std::size_t kMostListed = 20;

/// The lines of a message, at most kMostListed.
class Places {
 public:
  void add(const std::string& place) {
    if (count_++ < kMostListed) text_ += "\n  " + place;
  }
  void refuse(const std::string& what, const std::string& mask) const {
    if (count_ == 0) return;
    std::string text = message(what, "the mask token \"", mask, "\" stands in the data", text_);
    if (count_ > kMostListed) text += message("\n  and ", count_ - kMostListed, " more");
    throw DataError(text +
                    "\n  remove it: the model writes over masks, it never reads or learns them");
  }

 private:
  std::size_t count_ = 0;
  std::string text_;
};

}  // namespace

std::string mask_text(const Tokenizer& tokenizer) {
  const std::int64_t mask = tokenizer.special().mask;
  return mask < 0 ? "" : tokenizer.decode(std::array{mask}, false);
}

void refuse_mask_text(const std::vector<SourceRow>& rows, const Tokenizer& tokenizer) {
  const std::string mask = mask_text(tokenizer);
  if (mask.empty()) return;
  Places places;
  for (const SourceRow& row : rows) {
    const auto holds = [&](const std::string& text) {
      return text.find(mask) != std::string::npos;
    };
    const bool in_prompt =
        holds(row.prompt) ||
        std::ranges::any_of(row.messages, [&](const Message& turn) { return holds(turn.content); });
    const bool in_answer = std::ranges::any_of(row.answers, holds);
    if (in_prompt || in_answer)
      places.add(message(row.name(), ": in the ",
                         in_prompt && in_answer ? "prompt and an answer"
                         : in_prompt            ? "prompt"
                                                : "answer"));
  }
  places.refuse("", mask);
}

void refuse_mask_text(const std::vector<std::string>& prompts, const std::string& what,
                      const Tokenizer& tokenizer) {
  const std::string mask = mask_text(tokenizer);
  if (mask.empty()) return;
  Places places;
  for (std::size_t i = 0; i < prompts.size(); ++i)
    if (prompts[i].find(mask) != std::string::npos)
      places.add(message("prompt ", i + 1, " of ", prompts.size()));
  places.refuse(what + ": ", mask);
}

void refuse_mask_id(const std::vector<std::int64_t>& ids, std::int64_t mask,
                    const std::string& where, std::string_view key) {
  const auto found = std::ranges::find(ids, mask);
  if (mask < 0 || found == ids.end()) return;
  throw DataError(message(where, ": \"", key, "\" holds the mask token ", mask, " at position ",
                          found - ids.begin(),
                          "\n  legal: clean tokens; the estimator masks them itself"));
}

}  // namespace lldm
