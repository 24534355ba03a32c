// SPDX-License-Identifier: MIT
#include "stage/long_rows.hpp"

#include <algorithm>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

enum class Fate : std::uint8_t { fits, cut, dropped };

std::int64_t size_of(const std::vector<std::int64_t>& tokens) {
  return static_cast<std::int64_t>(tokens.size());
}

/// What one row comes to under a rule.
class Treatment {
 public:
  explicit Treatment(const CanvasRule& rule) : rule_(rule) {}

  Fate of(EncodedRow& row) const {
    if (std::ranges::all_of(row, [&](const Encoded& answer) { return fits(answer); }))
      return Fate::fits;
    if (rule_.long_rows == LongRows::drop) return Fate::dropped;
    const bool is_cut =
        rule_.long_rows == LongRows::truncate_prompt_left ? cut_prompts(row) : cut_responses(row);
    return is_cut && !has_twins(row) ? Fate::cut : Fate::dropped;
  }

 private:
  /// Tokens that an answer lies on: its canvas, or itself and one end-of-text; a text has none.
  [[nodiscard]] std::int64_t canvas(const Encoded& answer) const {
    if (rule_.is_plain_text) return size_of(answer.response);
    const bool is_fixed = rule_.length && rule_.padding != ScorePadding::hide;
    return is_fixed ? *rule_.length : size_of(answer.response) + 1;
  }
  [[nodiscard]] bool fits_canvas(const Encoded& answer) const {
    return rule_.is_plain_text || !rule_.length || size_of(answer.response) < *rule_.length;
  }
  [[nodiscard]] bool fits(const Encoded& answer) const {
    return fits_canvas(answer) && size_of(answer.prompt) + canvas(answer) <= rule_.max_length;
  }

  /// All answers of a row have one prompt, and keep one.
  [[nodiscard]] bool cut_prompts(EncodedRow& row) const {
    std::int64_t longest = 0;
    for (const Encoded& answer : row) {
      if (!fits_canvas(answer)) return false;
      longest = std::max(longest, canvas(answer));
    }
    const std::int64_t room = rule_.max_length - longest;
    if (room < 1) return false;
    for (Encoded& answer : row)
      if (const std::int64_t over = size_of(answer.prompt) - room; over > 0)
        answer.prompt.erase(answer.prompt.begin(), answer.prompt.begin() + over);
    return true;
  }

  /// The end-of-text keeps its place behind what is left.
  [[nodiscard]] bool cut_responses(EncodedRow& row) const {
    for (Encoded& answer : row) {
      const std::int64_t end = rule_.is_plain_text ? 0 : 1;
      std::int64_t room = rule_.max_length - size_of(answer.prompt) - end;
      if (!rule_.is_plain_text && rule_.length) {
        if (rule_.padding != ScorePadding::hide &&
            size_of(answer.prompt) + *rule_.length > rule_.max_length)
          return false;  // the canvas itself has no room
        room = std::min(room, *rule_.length - 1);
      }
      if (room < 1) return false;
      if (size_of(answer.response) > room) answer.response.resize(static_cast<std::size_t>(room));
    }
    return true;
  }

  static bool has_twins(const EncodedRow& row) {
    for (std::size_t a = 1; a < row.size(); ++a)
      if (row[a].response == row[a - 1].response) return true;
    return false;
  }

  const CanvasRule& rule_;
};

}  // namespace

std::string_view to_string(LongRows treatment) {
  for (const auto& choice : choices(std::type_identity<LongRows>{}))
    if (choice.value == treatment) return choice.name;
  return "?";
}

LongRowCounts treat_long_rows(std::vector<SourceRow>& sources, std::vector<EncodedRow>& rows,
                              const CanvasRule& rule) {
  constexpr std::size_t kMostNamed = 5;
  LongRowCounts counts;
  if (rule.long_rows == LongRows::error) return counts;
  const Treatment treatment(rule);
  counts.rows = static_cast<std::int64_t>(rows.size());
  std::size_t kept = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const Fate fate = treatment.of(rows[r]);
    (fate == Fate::cut ? counts.cut : counts.dropped) += fate != Fate::fits;
    if (fate != Fate::fits && counts.names.size() < kMostNamed)
      counts.names.push_back(sources[r].name());
    if (fate == Fate::dropped) continue;
    if (kept != r) {
      sources[kept] = std::move(sources[r]);
      rows[kept] = std::move(rows[r]);
    }
    ++kept;
  }
  sources.resize(kept);
  rows.resize(kept);
  return counts;
}

std::string LongRowCounts::text() const {
  std::string named;
  for (const std::string& name : names) named += (named.empty() ? "" : ", ") + name;
  const auto all = static_cast<std::size_t>(cut + dropped);
  if (all > names.size()) named += message(" and ", all - names.size(), " more");
  return message(cut, " of ", rows, " rows are cut and ", dropped, " left out: ", named);
}

}  // namespace lldm
