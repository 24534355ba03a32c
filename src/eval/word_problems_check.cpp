// SPDX-License-Identifier: MIT
// How word problems judge an answer, and how they spoil one.
#include <algorithm>

#include "eval/error_names.hpp"
#include "eval/word_chain.hpp"
#include "lldm/eval/word_problems.hpp"

namespace lldm {
namespace {

using eval::Chain;
using eval::ChainStep;

struct LineCounts {
  std::int64_t advancing = 0, superfluous = 0;
  bool are_well_formed = true;
};

LineCounts count_lines(const eval::ChainText& text, std::size_t num_operations) {
  LineCounts counts;
  std::optional<ChainStep> previous;
  for (const auto& line : text.lines) {
    const auto step = eval::parse_step(line);
    const bool advances = step && step->result != step->left && step != previous &&
                          counts.advancing < static_cast<std::int64_t>(num_operations);
    ++(advances ? counts.advancing : counts.superfluous);
    if (step) previous = step;
    const bool is_filler = line.size() == 2 && line[0] == "now" && eval::parse_integer(line[1]);
    counts.are_well_formed = counts.are_well_formed && (step || is_filler);
  }
  return counts;
}

std::vector<eval::Operation> operations_of(const Chain& chain) {
  std::vector<eval::Operation> operations;
  for (const auto& step : chain.steps) operations.push_back(step.operation);
  return operations;
}

// `chain` with the result of step `at` off by `by`, and the later steps computed from it.
Chain with_slip(const Chain& chain, std::size_t at, std::int64_t by) {
  Chain spoilt = chain;
  std::int64_t value = chain.steps.front().left;
  for (std::size_t i = 0; i < spoilt.steps.size(); ++i) {
    auto& step = spoilt.steps[i];
    step.left = value;
    value = eval::apply(value, step.operation) + (i == at ? by : 0);
    step.result = value;
  }
  spoilt.answer = value;
  return spoilt;
}

// Every way to make an error of one kind.
std::vector<Chain> spoil(const Chain& chain, std::string_view kind,
                         const WordProblems::Options& options) {
  const std::int64_t start = chain.steps.front().left;
  std::vector<Chain> spoilt;
  for (std::size_t i = 0; i < chain.steps.size(); ++i) {
    auto operations = operations_of(chain);
    if (kind == "wrong_operation") {
      operations[i].sign = operations[i].sign == '+' ? '-' : '+';
      spoilt.push_back(eval::compute_chain(start, operations));
    } else if (kind == "wrong_operand") {
      const auto right = operations[i].operand;
      for (auto wrong = options.operand_min; wrong <= options.operand_max; ++wrong) {
        operations[i].operand = wrong;
        if (wrong != right) spoilt.push_back(eval::compute_chain(start, operations));
      }
    } else if (kind == "off_by_one") {
      spoilt.push_back(with_slip(chain, i, -1));
      spoilt.push_back(with_slip(chain, i, +1));
    } else if (kind == "dropped_step" && operations.size() > 1) {
      operations.erase(operations.begin() + static_cast<std::ptrdiff_t>(i));
      spoilt.push_back(eval::compute_chain(start, operations));
    }
  }
  if (kind == "wrong_final_answer")
    for (std::int64_t answer = 0; answer <= options.value_max; ++answer) {
      spoilt.push_back(chain);
      spoilt.back().answer = answer;
    }
  for (auto& one : spoilt) one.num_superfluous = chain.num_superfluous;
  return spoilt;
}

}  // namespace

Verdict WordProblems::check(const Example& example, std::string_view output) const {
  auto gold = eval::parse_chain(example.answer);
  const auto text = eval::read_chain_text(output);
  const auto counts = count_lines(text, gold ? gold->steps.size() : 0);
  Verdict verdict;
  verdict.is_correct = gold && text.answer && *text.answer == gold->answer;
  verdict.extracted = text.answer_word;
  const auto superfluous = static_cast<double>(counts.superfluous);
  verdict.grade = verdict.is_correct ? std::max(1.0, 100.0 - superfluous) : 0.0;
  if (gold) gold->num_superfluous = 0;
  const bool is_exact = gold && eval::normalise_words(output) == eval::write_chain(*gold);
  verdict.metrics["superfluous_steps"] = superfluous;
  verdict.metrics["skipped_steps"] =
      gold ? static_cast<double>(gold->steps.size()) - static_cast<double>(counts.advancing) : 0.0;
  verdict.metrics["exact"] = is_exact ? 1.0 : 0.0;
  verdict.metrics["well_formed"] =
      text.answer && text.ends_with_answer && counts.are_well_formed ? 1.0 : 0.0;
  return verdict;
}

std::optional<Injection> WordProblems::inject_error(const Example& example, Stream& draws) const {
  const auto kind =
      eval::kErrorKinds[static_cast<std::size_t>(draws.below(eval::kErrorKinds.size()))];
  const auto chain = eval::parse_chain(example.answer);
  if (!chain) return std::nullopt;
  std::vector<std::string> texts;
  for (const auto& spoilt : spoil(*chain, kind, options_)) {
    auto text = eval::write_chain(spoilt);
    if (eval::is_in_range(spoilt, options_.value_max) && !check(example, text).is_correct)
      texts.push_back(std::move(text));
  }
  if (texts.empty()) return std::nullopt;
  const auto chosen = draws.below(static_cast<std::int64_t>(texts.size()));
  return Injection{std::move(texts[static_cast<std::size_t>(chosen)]), std::string(kind)};
}

}  // namespace lldm
