// SPDX-License-Identifier: MIT
// Pairs of the judged answers to one prompt.  Internal to src.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lldm/concepts/task.hpp"
#include "lldm/synthesis/pair_rule.hpp"

namespace lldm::synthesis {

/// What an answer came to, the worst first.
enum class Outcome : std::uint8_t { wrong, incomplete, correct };
[[nodiscard]] std::string_view to_string(Outcome outcome);

/// Incomplete is an answer that is not correct and in which the checker found no final answer: what
/// was read out of it is "[invalid]", or nothing though the checker has a metric `well_formed`, or
/// its metric `incomplete` is at least one half.
[[nodiscard]] Outcome outcome_of(const Verdict& verdict);

struct JudgedAnswer {
  Verdict verdict;
  std::string text;
};

struct PairRule {
  PairBy by = PairBy::grade;
  double correct_share_min = 0.0, correct_share_max = 1.0;
  std::int64_t most = 1;  // pairs of one prompt; 0: all
};

/// Indices of better and worse answers.
struct AnswerPairs {
  std::vector<std::pair<std::size_t, std::size_t>> pairs;
  enum class Why : std::uint8_t { made, ties, too_hard, too_easy } why = Why::made;
};

/// Best against worst, second best against second worst, ... of one prompt, while one is better.
/// By grade: the higher one; by outcome: correct above incomplete above wrong, of two correct ones
/// the one with fewer characters (as many: a tie), and an answer that is there twice is taken once.
[[nodiscard]] AnswerPairs pair_answers(const std::vector<JudgedAnswer>& answers,
                                       const PairRule& rule);

}  // namespace lldm::synthesis
