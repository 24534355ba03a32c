// SPDX-License-Identifier: MIT
#include "synthesis/judged_answers.hpp"

#include <algorithm>
#include <set>

#include "lldm/data/text.hpp"
#include "lldm/text/utf8.hpp"

namespace lldm::synthesis {
namespace {

/// Lower is better in each part.
struct Rank {
  int outcome;
  std::size_t characters;  // of a correct answer; else 0
  auto operator<=>(const Rank&) const = default;
};

Rank rank_of(const JudgedAnswer& answer) {
  const Outcome outcome = outcome_of(answer.verdict);
  if (outcome != Outcome::correct) return {-static_cast<int>(outcome), 0};
  return {-static_cast<int>(outcome), count_characters(trim_white_space(answer.text))};
}

std::vector<std::size_t> distinct(const std::vector<JudgedAnswer>& answers) {
  std::set<std::string_view> seen;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (seen.insert(trim_white_space(answers[i].text)).second) kept.push_back(i);
  return kept;
}

double correct_share(const std::vector<JudgedAnswer>& answers) {
  const auto correct = std::count_if(answers.begin(), answers.end(),
                                     [](const auto& one) { return one.verdict.is_correct; });
  return answers.empty() ? 0.0 : static_cast<double>(correct) / static_cast<double>(answers.size());
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  return outcome == Outcome::correct ? "correct"
         : outcome == Outcome::wrong ? "wrong"
                                     : "incomplete";
}

Outcome outcome_of(const Verdict& verdict) {
  if (verdict.is_correct) return Outcome::correct;
  const auto said = verdict.metrics.find("incomplete");
  const bool has_form = verdict.metrics.contains("well_formed");
  const bool is_said = said != verdict.metrics.end() && said->second >= 0.5;
  if (is_said || verdict.extracted == "[invalid]" || (verdict.extracted.empty() && has_form))
    return Outcome::incomplete;
  return Outcome::wrong;
}

AnswerPairs pair_answers(const std::vector<JudgedAnswer>& answers, const PairRule& rule) {
  AnswerPairs out;
  const double share = correct_share(answers);
  if (share < rule.correct_share_min || share > rule.correct_share_max) {
    out.why =
        share < rule.correct_share_min ? AnswerPairs::Why::too_hard : AnswerPairs::Why::too_easy;
    return out;
  }
  std::vector<std::size_t> order(answers.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  if (rule.by == PairBy::outcome) order = distinct(answers);
  const auto is_better = [&](std::size_t a, std::size_t b) {
    if (rule.by == PairBy::grade) return answers[a].verdict.grade > answers[b].verdict.grade;
    return rank_of(answers[a]) < rank_of(answers[b]);
  };
  std::stable_sort(order.begin(), order.end(), is_better);
  const auto most = rule.most == 0 ? answers.size() : static_cast<std::size_t>(rule.most);
  for (std::size_t i = 0, j = order.size(); i + 1 < j && out.pairs.size() < most; ++i) {
    --j;
    if (!is_better(order[i], order[j])) break;
    out.pairs.emplace_back(order[i], order[j]);
  }
  if (out.pairs.empty()) out.why = AnswerPairs::Why::ties;
  return out;
}

}  // namespace lldm::synthesis
