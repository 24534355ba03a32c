// SPDX-License-Identifier: MIT
#include "synthesis/problem_index.hpp"

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "synthesis/prompt_key.hpp"

namespace lldm::synthesis {
namespace {

constexpr std::size_t kExcerpt = 60;

std::string named(const Example& problem) {
  return problem.place.empty() ? message("problem ", problem.id) : problem.place;
}

using Key = std::string (*)(std::string_view);
constexpr std::array<Key, 3> kKeys = {
    [](std::string_view text) { return std::string(text); },
    [](std::string_view text) { return std::string(undressed_prompt(text)); },
    [](std::string_view text) { return single_spaced(undressed_prompt(text)); }};

/// DataError if a row asks something else than the problem whose id it has.  Examples before the
/// question, or instructions, are none of it.
void require_same(const Example& problem, const Example& asked) {
  const std::string row = single_spaced(asked.prompt);
  if (row.empty() || row.find(single_spaced(undressed_prompt(problem.prompt))) != std::string::npos)
    return;
  throw DataError(message(asked.place, ": has the id \"", asked.id, "\" of ", named(problem),
                          ", and asks something else\n  the row: ", shortened(row, kExcerpt),
                          "\n  the problem: ", shortened(single_spaced(problem.prompt), kExcerpt),
                          "\n  leave \"id\" or \"prompt\" out where it does not tell"));
}

}  // namespace

void ProblemIndex::add(const std::string& key, const Example& problem, bool by_id) {
  const auto [at, is_new] = problems_.try_emplace(key, Known{&problem, nullptr});
  if (is_new || at->second.other) return;
  const Example& first = *at->second.first;
  if (first.answer != problem.answer || (by_id && first.prompt != problem.prompt))
    at->second.other = &problem;
}

const Example* ProblemIndex::find(const std::string& key, const Example& asked,
                                  const char* what) const {
  const auto found = problems_.find(key);
  if (found == problems_.end()) return nullptr;
  if (found->second.other)
    throw DataError(message(
        asked.place, ": which problem it answers cannot be told: ", named(*found->second.first),
        " and ", named(*found->second.other), " have one ", what, " and are not the same",
        "\n  give rows the \"id\" of their problem, and every problem its own"));
  return found->second.first;
}

Problems::Problems(const std::vector<Example>& problems) {
  for (const Example& problem : problems) {
    by_id_.add(problem.id, problem, true);
    for (std::size_t i = 0; i < kKeys.size(); ++i)
      by_text_[i].add(kKeys[i](problem.prompt), problem, false);
  }
}

const Example* Problems::find(const Example& asked, bool has_id) const {
  if (has_id)
    if (const Example* problem = by_id_.find(asked.id, asked, "id")) {
      require_same(*problem, asked);
      return problem;
    }
  if (asked.prompt.empty()) return nullptr;
  for (std::size_t i = 0; i < kKeys.size(); ++i)
    if (const Example* problem = by_text_[i].find(kKeys[i](asked.prompt), asked, "text"))
      return problem;
  return nullptr;
}

}  // namespace lldm::synthesis
