// SPDX-License-Identifier: MIT
#include "lldm/laws/commit_rule_laws.hpp"

#include <cmath>
#include <limits>

#include "lldm/errors.hpp"

namespace lldm::laws {
namespace {

/// Candidates as a sampler shows them to this rule: what it does not read is NaN.
std::vector<Candidate> candidates_of(const AnyCommitRule& rule, std::int64_t count,
                                     std::uint64_t row) {
  constexpr double kUnread = std::numeric_limits<double>::quiet_NaN();
  Stream stream = Draws(1, "laws").stream(Purpose::data, 0, row);
  std::vector<Candidate> list;
  for (std::int64_t i = 0; i < count; ++i) {
    const double first = 0.5 + 0.5 * stream.uniform(), second = (1 - first) * stream.uniform();
    list.push_back({.position = 2 * i + 1,
                    .token = stream.below(10),
                    .probability = first,
                    .second_probability = second,
                    .entropy = -first * std::log(first)});
    if (rule.statistics() != CandidateStatistics::all)
      list.back().second_probability = list.back().entropy = kUnread;
    if (rule.statistics() == CandidateStatistics::none) list.back().probability = kUnread;
  }
  return list;
}

Finding check_numbers(const AnyCommitRule& rule) {
  for (std::uint64_t row = 0; row < 20; ++row)
    for (const std::int64_t count : {0, 1, 2, 7, 64}) {
      const auto candidates = candidates_of(rule, count, row);
      Stream draws = Draws(2, "laws").stream(Purpose::sampling, 0, row);
      const std::vector<double> said = rule.confidence(candidates, draws);
      if (said.size() != candidates.size())
        return fails(message(said.size(), " numbers for ", count, " candidates"),
                     "one number per candidate");
      for (std::size_t i = 0; i < said.size(); ++i)
        if (std::isnan(said[i]))
          return fails(message("the number of candidate ", i, " of ", count, " is nan"),
                       "a number; figures that statistics() does not ask for hold NaN");
    }
  return holds("100 lists of 0 to 64 candidates");
}

Finding check_repeats(const AnyCommitRule& rule) {
  for (std::uint64_t row = 0; row < 20; ++row) {
    const auto candidates = candidates_of(rule, 9, row);
    const Stream draws = Draws(3, "laws").stream(Purpose::sampling, 0, row);
    Stream first = draws, between = Draws(4, "laws").stream(Purpose::sampling), second = draws;
    const std::vector<double> one = rule.confidence(candidates, first);
    (void)rule.confidence(candidates_of(rule, 5, row + 50), between);
    if (one != rule.confidence(candidates, second))
      return fails(message("list ", row, " has other numbers the second time"),
                   "a function of candidates and draws alone");
  }
  return holds("20 lists, others between");
}

}  // namespace

std::vector<Law> commit_rule_laws(const AnyCommitRule& rule) {
  return {{"one number per candidate", [=] { return check_numbers(rule); }},
          {"equal candidates and draws give equal numbers", [=] { return check_repeats(rule); }}};
}

}  // namespace lldm::laws
