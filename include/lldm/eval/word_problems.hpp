// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/task.hpp"
#include "lldm/config/field.hpp"

namespace lldm {

/// Parts of a task's problems that share nothing that the task calls an instance.
enum class Split : std::uint8_t { train, dev, test };
constexpr auto choices(std::type_identity<Split>) {
  return std::array{Choice<Split>{"train", Split::train}, Choice<Split>{"dev", Split::dev},
                    Choice<Split>{"test", Split::test}};
}

/// How a word problem's reference answer is written.
enum class ChainForm : std::uint8_t {
  concise,      // one line an operation, then the answer
  verbose,      // the same, with lines "now 5 ;" before the answer
  pretraining,  // no problems: packed text of equations and of stories without answers
};
constexpr auto choices(std::type_identity<ChainForm>) {
  return std::array{Choice<ChainForm>{"concise", ChainForm::concise},
                    Choice<ChainForm>{"verbose", ChainForm::verbose},
                    Choice<ChainForm>{"pretraining", ChainForm::pretraining}};
}

/// Which kinds of stories are told.
enum class StorySet : std::uint8_t {
  owner,  // somebody has things, gets more and gives some away
  all,  // also a box that is filled and emptied, a bus, and one who has more or fewer than another
};
constexpr auto choices(std::type_identity<StorySet>) {
  return std::array{Choice<StorySet>{"owner", StorySet::owner},
                    Choice<StorySet>{"all", StorySet::all}};
}

/// Multi-step arithmetic stories with a worked chain, in about 70 words.
///
///     ann has 4 apples . she buys 3 more . ben has 5 pears . she gives 2 to tom . how many apples
///     does ann have now ?      ->      4 + 3 = 7 ; 7 - 2 = 5 ; #### 5
///
/// Words are parted by single spaces; a number is one word.  With the default options a prompt has
/// at most 36 words, a concise answer at most 20 and a verbose one at most 29 (one more with
/// end-of-text).
///
/// Splits are by number instance: a chain belongs to test, dev or train by a hash of its concise
/// form (20, 20 and 60 %), also in pretraining text, where no equation continues the one before it:
/// no chain of another split is there, not even by accident.  Names, objects and story shapes are
/// shared.  The prompts of one seed and split are all different, and the same whichever form
/// answers them.
///
/// Superfluous lines are 0 to 3 with probabilities .1, .3, .3, .3 unless the options say otherwise.
class WordProblems {
 public:
  struct Options {
    std::int64_t rows = 1000;
    Split split = Split::train;
    std::int64_t seed = -1;
    ChainForm form = ChainForm::concise;
    StorySet stories = StorySet::all;
    std::vector<double> superfluous_probabilities = {0.1, 0.3, 0.3, 0.3};
    double distractor_share = 0.3;
    std::int64_t operations_min = 2;
    std::int64_t operations_max = 3;
    std::int64_t start_min = 2;
    std::int64_t start_max = 9;
    std::int64_t operand_min = 2;
    std::int64_t operand_max = 5;
    std::int64_t value_max = 12;
    double equation_share = 0.6;
    std::int64_t words_per_row = 24;
    static constexpr auto describe() {
      return std::tuple{
          field("rows", &Options::rows, "Number of problems, or of rows of pretraining text.")
              .range(1, 10000000),
          field("split", &Options::split,
                "Which number instances: \"train\", \"dev\" or \"test\"."),
          field("seed", &Options::seed, "Seed of the problems; -1: the seed of the run.")
              .at_least(-1),
          field(
              "form", &Options::form,
              "How answers are written: \"concise\", \"verbose\" (superfluous lines after the last "
              "step), or \"pretraining\" (plain text without answers)."),
          field("stories", &Options::stories,
                "Kinds of stories: \"owner\" (one kind, easiest) or \"all\" (four kinds)."),
          field("superfluous_probabilities", &Options::superfluous_probabilities,
                "verbose: probabilities of 0, 1, 2, ... superfluous lines; they sum to 1.")
              .range(0, 1),
          field("distractor_share", &Options::distractor_share,
                "Share of stories with a sentence that does not matter, where 36 words allow one.")
              .range(0, 1),
          field("operations_min", &Options::operations_min, "Fewest operations of a chain.")
              .range(1, 6),
          field("operations_max", &Options::operations_max, "Most operations of a chain.")
              .range(1, 6),
          field("start_min", &Options::start_min, "Smallest number a story starts with.")
              .range(0, 999),
          field("start_max", &Options::start_max, "Largest number a story starts with.")
              .range(0, 999),
          field("operand_min", &Options::operand_min, "Smallest number added or taken.")
              .range(1, 999),
          field("operand_max", &Options::operand_max, "Largest number added or taken.")
              .range(1, 999),
          field("value_max", &Options::value_max,
                "Largest value a chain may reach; the smallest is 0.")
              .range(1, 999),
          field("equation_share", &Options::equation_share,
                "pretraining: share of items that are single equations; the others are stories.")
              .range(0, 1),
          field("words_per_row", &Options::words_per_row, "pretraining: words of each packed row.")
              .range(1, 4096),
      };
    }
  };
  static constexpr std::string_view name() { return "word_problems"; }
  static constexpr std::string_view description() {
    return "templated arithmetic stories with a worked chain and #### answer";
  }

  /// With `seed = -1`, the seed is 0.
  /// Errors  ConfigError: a minimum above its maximum, no chain within the value range,
  ///         probabilities that do not sum to 1.
  explicit WordProblems(const Options& options);
  /// With `seed = -1`, the seed is that of `services.draws`.
  WordProblems(const Options& options, const Services& services);

  /// The problems, ids "word_problems-<split>-<seed>-<number>"; under form = "pretraining", rows
  /// with an empty prompt and the text in `answer`.  More rows extend fewer rows of the same seed.
  /// Errors  ConfigError if there are not `rows` different prompts to be found.
  [[nodiscard]] std::vector<Example> examples() const;

  /// `is_correct`: the output has exactly one "####", the word after it is an integer, and it is
  /// the example's.  Never throws; an example without "####" (pretraining text) makes everything
  /// wrong.
  ///
  /// Metrics  superfluous_steps: lines that do not advance the chain, of right and wrong answers
  ///          alike.  A line advances it if it is an equation "a + b = c" or "a - b = c" (right or
  ///          not), changes the value (c is not a), does not repeat the equation before it, and the
  ///          chain still has operations left; anything else between two ";", also after the
  ///          answer, is superfluous.
  ///          skipped_steps: operations of the chain that no line stands for.
  ///          exact: right, and word for word the concise chain.
  ///          well_formed: only equations and lines "now n", then "#### n", and nothing else.
  /// Grade    right: 100 less superfluous_steps, at least 1; wrong: 0.
  [[nodiscard]] Verdict check(const Example& example, std::string_view output) const;

  /// Draws a kind of error, then its place, among those whose numbers stay in [0, value_max]: a
  /// wrong operation or operand, a result that is off by one, a step left out, a wrong final
  /// answer.  A wrong value is carried through the later steps, each computed rightly from it;
  /// superfluous lines are kept in number and repeat the last value.  Re-checked: never a text that
  /// `check` calls correct.
  [[nodiscard]] std::optional<Injection> inject_error(const Example& example, Stream& draws) const;

  /// Texts that together hold every word that any split, form, seed and injected error can produce,
  /// so that a word vocabulary built from them covers all.
  [[nodiscard]] std::vector<std::string> vocabulary_texts() const;

 private:
  Options options_;
  std::uint64_t seed_;
};
static_assert(Component<WordProblems> && InjectingTask<WordProblems>);

}  // namespace lldm
