// SPDX-License-Identifier: MIT
#include <unordered_map>

#include "lldm/errors.hpp"
#include "synthesis/answer_file.hpp"
#include "synthesis/problem_index.hpp"

namespace lldm::synthesis {

std::vector<PromptAnswers> match_problems(std::vector<PromptAnswers>& prompts,
                                          const std::vector<Example>& problems,
                                          const std::string& where) {
  const Problems known(problems);
  std::vector<PromptAnswers> kept, unmatched;
  std::unordered_map<const Example*, std::size_t> kept_at;
  for (PromptAnswers& prompt : prompts) {
    const Example* problem = known.find(prompt.example, prompt.has_id);
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
