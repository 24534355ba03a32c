// SPDX-License-Identifier: MIT
// The steps of a chain of reasoning, as spans of its text.  Internal to src/synthesis.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace lldm::synthesis {

/// One step: `end` is behind its last character, before what parts it from the next.
struct Step {
  std::size_t begin, end;
  [[nodiscard]] std::string_view of(std::string_view text) const {
    return text.substr(begin, end - begin);
  }
};

/// The steps of a text in order, none of them blank: its lines where it has several, the parts
/// between " ; " of a one-line chain that has them, else its sentences.
[[nodiscard]] std::vector<Step> find_steps(std::string_view text);

/// The index of the step that holds the byte at `offset`, or of the last that begins before it.
[[nodiscard]] std::size_t step_at(const std::vector<Step>& steps, std::size_t offset);

/// Where a chain states its final answer: after the last "#### ", "\boxed{", "Answer:" or "answer
/// is"; nothing where it has no such mark.
struct AnswerPlace {
  std::size_t begin = 0, end = 0;  // the answer's text, without white space or a full stop around
  bool is_found = false;
};
[[nodiscard]] AnswerPlace find_answer(std::string_view text);

}  // namespace lldm::synthesis
