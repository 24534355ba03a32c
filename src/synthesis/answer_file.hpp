// SPDX-License-Identifier: MIT
// Answers that were made elsewhere.  Internal to src.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lldm/concepts/task.hpp"
#include "synthesis/inject_pairs.hpp"
#include "synthesis/judged_answers.hpp"

namespace lldm::synthesis {

/// One answer of a file.
struct GivenAnswer {
  std::string text;
  std::uint64_t line = 0;
  std::optional<bool> is_correct = {};  // what the file says
};

/// The answers to one prompt, in the file's order.
struct PromptAnswers {
  Example example;  // of the problems once it is matched; until then what the file says
  std::vector<GivenAnswer> answers;
  bool has_id = true;  // false: the rows have none, and `example.id` is made up
};

/// Reads a JSONL file of rows {"id" and/or "prompt", "response" (text) or "responses" (list of
/// texts)}; "correct" (true or false, with "response") is a label, other keys are left alone.  Rows
/// with one id, else with one prompt, are answers to one problem.
/// Errors  DataError: cannot be opened, no rows, bad rows (all of them, with line and reason); one
///         id with two prompts is one.
[[nodiscard]] std::vector<PromptAnswers> read_answers(const std::filesystem::path& file);

/// Gives every prompt its problem: the one with its id, else the one that asks the same, to the
/// letter, else without "Question:" or "Answer:" around it, else with white space made equal too.
/// Prompts of one problem become one.  Returns the prompts without a problem, which are taken out.
/// Errors  DataError: none has one; a prompt that two problems with different answers ask; an id
///         whose problem asks something else.
std::vector<PromptAnswers> match_problems(std::vector<PromptAnswers>& prompts,
                                          const std::vector<Example>& problems,
                                          const std::string& where);

struct ImportCounts {
  std::int64_t prompts = 0, answers = 0, correct = 0, incomplete = 0, failed = 0;
  std::int64_t pairs = 0, ties = 0, too_hard = 0, too_easy = 0, both_correct = 0;
  std::int64_t without_problem = 0;
  std::map<std::string, std::int64_t> benchmark;
  [[nodiscard]] nlohmann::ordered_json json() const;
};

/// The pairs of one prompt, a line of JSON each.  `verdicts`: of its answers; one that failed is
/// never paired.
[[nodiscard]] std::vector<std::string> import_pairs(const PromptAnswers& prompt,
                                                    const std::vector<Verdict>& verdicts,
                                                    const PairRule& rule, const PairSource& source,
                                                    std::string_view labeled_by,
                                                    ImportCounts& counts);

}  // namespace lldm::synthesis
