// SPDX-License-Identifier: MIT
#include <array>
#include <unordered_map>

#include "lldm/errors.hpp"
#include "lldm/text/utf8.hpp"
#include "synthesis/answer_file.hpp"
#include "synthesis/prompt_key.hpp"

namespace lldm::synthesis {
namespace {

constexpr std::size_t kExcerpt = 60;

std::string named(const Example& problem) {
  return problem.place.empty() ? message("problem ", problem.id) : problem.place;
}

/// Problems by one key; a key that several have is that of the first, and of the first after it
/// that has another answer.
class ProblemIndex {
 public:
  void add(const std::string& key, const Example& problem, bool by_id) {
    const auto [at, is_new] = problems_.try_emplace(key, Known{&problem, nullptr});
    if (is_new || at->second.other) return;
    const Example& first = *at->second.first;
    if (first.answer != problem.answer || (by_id && first.prompt != problem.prompt))
      at->second.other = &problem;
  }

  /// The problem with this key, null if there is none.
  /// Errors  DataError: two problems have it and different answers.
  [[nodiscard]] const Example* find(const std::string& key, const Example& asked,
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

 private:
  struct Known {
    const Example* first;
    const Example* other;
  };
  std::unordered_map<std::string, Known> problems_;
};

/// Problems by id and by what they ask: to the letter, without "Question:" before and
/// "Answer:" behind, and with white space made equal besides.
class Problems {
 public:
  explicit Problems(const std::vector<Example>& problems) {
    for (const Example& problem : problems) {
      by_id_.add(problem.id, problem, true);
      for (std::size_t i = 0; i < kKeys.size(); ++i)
        by_text_[i].add(kKeys[i](problem.prompt), problem, false);
    }
  }

  [[nodiscard]] const Example* find(const PromptAnswers& answers) const {
    const Example& asked = answers.example;
    if (answers.has_id)
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

 private:
  using Key = std::string (*)(std::string_view);
  static constexpr std::array<Key, 3> kKeys = {
      [](std::string_view text) { return std::string(text); },
      [](std::string_view text) { return std::string(undressed_prompt(text)); },
      [](std::string_view text) { return single_spaced(undressed_prompt(text)); }};

  /// DataError if a row asks something else than the problem whose id it has.  Examples before the
  /// question, or instructions, are none of it.
  static void require_same(const Example& problem, const Example& asked) {
    const std::string row = single_spaced(asked.prompt);
    if (row.empty() ||
        row.find(single_spaced(undressed_prompt(problem.prompt))) != std::string::npos)
      return;
    throw DataError(message(asked.place, ": has the id \"", asked.id, "\" of ", named(problem),
                            ", and asks something else\n  the row: ", shortened(row, kExcerpt),
                            "\n  the problem: ", shortened(single_spaced(problem.prompt), kExcerpt),
                            "\n  leave \"id\" or \"prompt\" out where it does not tell"));
  }

  ProblemIndex by_id_;
  std::array<ProblemIndex, kKeys.size()> by_text_;
};

}  // namespace

std::vector<PromptAnswers> match_problems(std::vector<PromptAnswers>& prompts,
                                          const std::vector<Example>& problems,
                                          const std::string& where) {
  const Problems known(problems);
  std::vector<PromptAnswers> kept, unmatched;
  std::unordered_map<const Example*, std::size_t> kept_at;
  for (PromptAnswers& prompt : prompts) {
    const Example* problem = known.find(prompt);
    if (!problem) {
      unmatched.push_back(std::move(prompt));
      continue;
    }
    const auto [at, is_new] = kept_at.try_emplace(problem, kept.size());
    if (is_new) {
      prompt.example = *problem;
      kept.push_back(std::move(prompt));
      continue;
    }
    auto& all = kept[at->second].answers;  // rows of one problem, some by its id, some by its text
    all.insert(all.end(), prompt.answers.begin(), prompt.answers.end());
  }
  prompts = std::move(kept);
  if (prompts.empty())
    throw DataError(message(where, ": none of ", unmatched.size(),
                            " prompts is one of the problems\n  the first: id \"",
                            unmatched.front().example.id, "\" (", unmatched.front().example.place,
                            "); a problem has the same \"id\" or asks the same"));
  return unmatched;
}

}  // namespace lldm::synthesis
