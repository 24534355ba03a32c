// SPDX-License-Identifier: MIT
#include "lldm/eval/word_problems.hpp"

#include <cmath>
#include <numeric>
#include <set>
#include <sstream>

#include "eval/word_chain.hpp"
#include "eval/word_stories.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

using eval::Chain;
using Options = WordProblems::Options;

constexpr int kMaxAttempts = 20000;

Split split_of(const Chain& chain) {
  const auto bucket = ContentHash().add(eval::write_chain(chain)).value() % 10;
  return bucket < 2 ? Split::test : bucket < 4 ? Split::dev : Split::train;
}

std::string_view split_name(Split split) {
  for (const auto& choice : choices(std::type_identity<Split>{}))
    if (choice.value == split) return choice.name;
  return "unknown";
}

void validate(const Options& options) {
  const auto ordered = [](std::string_view what, std::int64_t low, std::int64_t high) {
    if (low > high)
      throw ConfigError(
          message("word_problems: ", what, "_min is ", low, ", above ", what, "_max = ", high));
  };
  ordered("operations", options.operations_min, options.operations_max);
  ordered("start", options.start_min, options.start_max);
  ordered("operand", options.operand_min, options.operand_max);
  if (options.start_min > options.value_max)
    throw ConfigError(message("word_problems: start_min = ", options.start_min,
                              " is above value_max = ", options.value_max));
  const auto& shares = options.superfluous_probabilities;
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  if (shares.empty() || std::abs(sum - 1) > 1e-9)
    throw ConfigError(
        message("word_problems: superfluous_probabilities must sum to 1, sum to ", sum));
}

std::int64_t draw_between(std::int64_t low, std::int64_t high, Stream& draws) {
  return low + draws.below(high - low + 1);
}

eval::Operation draw_operation(const Options& options, Stream& draws) {
  const char sign = draws.below(2) == 0 ? '+' : '-';
  return {sign, draw_between(options.operand_min, options.operand_max, draws)};
}

// A chain of the split whose values are in range; nothing after too many attempts.
std::optional<Chain> draw_chain(const Options& options, Stream& draws) {
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    const auto count = draw_between(options.operations_min, options.operations_max, draws);
    const auto start = draw_between(options.start_min, options.start_max, draws);
    std::vector<eval::Operation> operations;
    for (std::int64_t i = 0; i < count; ++i) operations.push_back(draw_operation(options, draws));
    Chain chain = eval::compute_chain(start, operations);
    if (eval::is_in_range(chain, options.value_max) && split_of(chain) == options.split)
      return chain;
  }
  return std::nullopt;
}

[[noreturn]] void refuse_too_narrow(const Options& options) {
  throw ConfigError(
      message("word_problems: found no chain of split \"", split_name(options.split),
              "\" with these options\n  widen the ranges of operations, start, operand "
              "or value_max = ",
              options.value_max));
}

std::int64_t draw_superfluous(const Options& options, Stream& draws) {
  double left = draws.uniform();
  const auto& shares = options.superfluous_probabilities;
  for (std::size_t i = 0; i + 1 < shares.size(); ++i) {
    if (left < shares[i]) return static_cast<std::int64_t>(i);
    left -= shares[i];
  }
  return static_cast<std::int64_t>(shares.size()) - 1;
}

std::vector<Example> make_problems(const Options& options, std::uint64_t seed) {
  const Draws draws(seed, "word_problems");
  const auto split = static_cast<std::uint64_t>(options.split);
  std::vector<Example> examples;
  std::set<std::string> prompts;
  for (std::int64_t row = 0; row < options.rows; ++row) {
    const auto number = static_cast<std::uint64_t>(row);
    Stream story = draws.stream(Purpose::data, split, number, 0);
    Stream length = draws.stream(Purpose::data, split, number, 1);
    Example example;
    for (int attempt = 0; example.prompt.empty(); ++attempt) {
      auto chain = draw_chain(options, story);
      if (!chain) refuse_too_narrow(options);
      std::string prompt = eval::tell_story(*chain, options, story);
      if (attempt == kMaxAttempts)
        throw ConfigError(message("word_problems: found only ", row,
                                  " different prompts of split \"", split_name(options.split),
                                  "\", rows = ", options.rows,
                                  " asks for more\n  lower rows or widen the ranges"));
      if (!prompts.insert(prompt).second) continue;
      if (options.form == ChainForm::verbose)
        chain->num_superfluous = draw_superfluous(options, length);
      example = {message("word_problems-", split_name(options.split), '-', seed, '-', row),
                 std::move(prompt), eval::write_chain(*chain)};
    }
    examples.push_back(std::move(example));
  }
  return examples;
}

// The endless text of pretraining, word by word.
class PretrainingText {
 public:
  PretrainingText(const Options& options, Stream draws) : options_(options), draws_(draws) {}

  std::string next_word() {
    std::string word;
    while (!(item_ >> word)) item_ = std::istringstream(next_item());
    return word;
  }

 private:
  std::string next_item() {
    if (draws_.uniform() < options_.equation_share) return equation();
    previous_result_ = -1;
    const auto chain = draw_chain(options_, draws_);
    if (!chain) refuse_too_narrow(options_);
    return eval::tell_story(*chain, options_, draws_);
  }

  std::string equation() {
    for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
      const auto left = draws_.below(options_.value_max + 1);
      const auto chain = eval::compute_chain(left, {draw_operation(options_, draws_)});
      if (!eval::is_in_range(chain, options_.value_max) || left == previous_result_) continue;
      previous_result_ = chain.answer;
      const auto& step = chain.steps.front();
      return message(step.left, ' ', step.operation.sign, ' ', step.operation.operand, " = ",
                     step.result, " ;");
    }
    refuse_too_narrow(options_);
  }

  const Options& options_;
  Stream draws_;
  std::istringstream item_;
  std::int64_t previous_result_ = -1;
};

std::vector<Example> make_text(const Options& options, std::uint64_t seed) {
  const Draws draws(seed, "word_problems text");
  PretrainingText words(options,
                        draws.stream(Purpose::data, static_cast<std::uint64_t>(options.split)));
  std::vector<Example> examples;
  for (std::int64_t row = 0; row < options.rows; ++row) {
    std::string text = words.next_word();
    for (std::int64_t i = 1; i < options.words_per_row; ++i) text += ' ' + words.next_word();
    examples.push_back(
        {message("word_problems-text-", split_name(options.split), '-', seed, '-', row), "", text});
  }
  return examples;
}

}  // namespace

WordProblems::WordProblems(const Options& options)
    : options_(options), seed_(options.seed < 0 ? 0 : static_cast<std::uint64_t>(options.seed)) {
  validate(options_);
}

WordProblems::WordProblems(const Options& options, const Services& services)
    : WordProblems(options) {
  if (options.seed < 0) seed_ = services.draws.seed();
}

std::vector<Example> WordProblems::examples() const {
  return options_.form == ChainForm::pretraining ? make_text(options_, seed_)
                                                 : make_problems(options_, seed_);
}

std::vector<std::string> WordProblems::vocabulary_texts() const {
  std::string numbers, words;
  for (std::int64_t i = 0; i <= options_.value_max; ++i) numbers += message(i, ' ');
  for (const auto& word : eval::story_words()) words += word + ' ';
  return {numbers + "+ - = ; ####", words + "now"};
}

}  // namespace lldm
