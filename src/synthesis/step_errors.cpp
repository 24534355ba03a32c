// SPDX-License-Identifier: MIT
// dropped_step and swapped_steps: what is wrong is which steps there are, and their order.
#include <algorithm>

#include "lldm/errors.hpp"
#include "synthesis/wrong_chain.hpp"

namespace lldm::synthesis {
namespace {

/// The annotations of a step, by index.
std::vector<std::size_t> annotations_in(const Chain& chain, const Step& step) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < chain.annotations.size(); ++i)
    if (chain.annotations[i].begin >= step.begin && chain.annotations[i].begin < step.end)
      found.push_back(i);
  return found;
}

bool holds_number(std::string_view text, double value) {
  const auto numbers = find_numbers(text);
  return std::any_of(numbers.begin(), numbers.end(),
                     [&](const auto& number) { return is_same(number.value, value); });
}

/// Whether the number can be known before the step: the question or an earlier step has it.
bool is_known_before(const Chain& chain, std::size_t step, double value) {
  return holds_number(chain.prompt, value) ||
         holds_number(chain.text.substr(0, chain.steps[step].begin), value);
}

}  // namespace

WrongChains drop_steps(const Chain& chain) {
  WrongChains found;
  for (std::size_t i = 0; i < chain.annotations.size(); ++i) {
    const auto& annotation = chain.annotations[i];
    const std::size_t at = chain.step_of(annotation);
    const auto operands = find_numbers(annotation.expression);
    // The last step says the answer; a step with a second equation is more than one.
    if (!annotation.is_true || at + 1 >= chain.steps.size() || operands.empty() ||
        chain.annotations.size() < 2 || annotations_in(chain, chain.steps[at]).size() != 1)
      continue;
    const Step &step = chain.steps[at], &next = chain.steps[at + 1];
    Changes changes;
    changes.set(annotation.value, operands.front().value);
    const auto rest = carry_on(chain.text.substr(next.begin), changes);
    if (!rest) continue;
    found.push_back({std::string(chain.text.substr(0, step.begin)) + rest->text,
                     at,
                     without_plain(step.of(chain.text)),
                     {},
                     message("step ", at + 1, " is left out")});
  }
  return found;
}

WrongChains swap_steps(const Chain& chain) {
  WrongChains found;
  for (std::size_t at = 0; at + 2 < chain.steps.size(); ++at) {
    const Step &first = chain.steps[at], &second = chain.steps[at + 1];
    const auto makers = annotations_in(chain, first), users = annotations_in(chain, second);
    for (const std::size_t maker : makers) {
      const double value = chain.annotations[maker].value;
      const bool is_used = std::any_of(users.begin(), users.end(), [&](std::size_t user) {
        return holds_number(chain.annotations[user].expression, value);
      });
      if (!is_used || is_known_before(chain, at, value)) continue;
      std::string text(chain.text.substr(0, first.begin));
      text += second.of(chain.text);
      text += chain.text.substr(first.end, second.begin - first.end);
      text += first.of(chain.text);
      text += chain.text.substr(second.end);
      found.push_back({std::move(text), at, without_plain(first.of(chain.text)),
                       without_plain(second.of(chain.text)),
                       message("step ", at + 1, " uses ", write_value(value, false).value_or("?"),
                               ", which step ", at + 2, " works out")});
      break;
    }
  }
  return found;
}

}  // namespace lldm::synthesis
