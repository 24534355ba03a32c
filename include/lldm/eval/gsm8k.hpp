// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
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

/// How lm-evaluation-harness reads the answer out of an output.
enum class Gsm8kFilter : std::uint8_t {
  strict,    // "strict-match": the first match of  #### (\-?[0-9\.\,]+)
  flexible,  // "flexible-extract": the last match of  (-?[$0-9.,]{2,})|(-?[0-9]+)
};
constexpr auto choices(std::type_identity<Gsm8kFilter>) {
  return std::array{Choice<Gsm8kFilter>{"strict", Gsm8kFilter::strict},
                    Choice<Gsm8kFilter>{"flexible", Gsm8kFilter::flexible}};
}

/// The part of an output that is graded: up to the first of "Question:", "</s>" and "<|im_end|>",
/// where the harness stops generating (`until`); the filters see nothing behind it.
/// Source  lm-evaluation-harness, lm_eval/tasks/gsm8k/gsm8k.yaml, generation_kwargs.
[[nodiscard]] std::string_view gsm8k_until(std::string_view output);

/// What a filter reads out of a text; "[invalid]" where it finds nothing.  Any bytes are fine.
/// Source  lm-evaluation-harness, lm_eval/tasks/gsm8k/gsm8k.yaml.
/// Tests   golden/checkers_test.cpp
[[nodiscard]] std::string gsm8k_extract(Gsm8kFilter filter, std::string_view output);

/// exact_match of an extracted answer with a reference solution: both lose, in this order, every
/// ",", every "$", everything up to the last "#### ", and one "." at the end; ASCII case is
/// ignored.
[[nodiscard]] bool gsm8k_matches(std::string_view extracted, std::string_view reference);

/// Grade-school maths word problems, from the JSONL files of openai/grade-school-math.
///
/// The prompt is "Question: {question}\nAnswer:", as in lm-evaluation-harness with no examples; the
/// answer is the file's whole solution, calculator annotations <<48/2=24>> and final "#### 24"
/// included.
class Gsm8k {
 public:
  struct Options {
    std::filesystem::path path = {};
    Gsm8kFilter filter = Gsm8kFilter::strict;
    std::int64_t limit = 0;
    static constexpr auto describe() {
      return std::tuple{
          field("path", &Options::path, "JSONL file with \"question\" and \"answer\".").required(),
          field("filter", &Options::filter,
                "What makes an answer correct: \"strict\" (the number after ####) or \"flexible\" "
                "(the last number)."),
          field("limit", &Options::limit, "Only the first so many problems; 0: all.").at_least(0),
      };
    }
  };
  static constexpr std::string_view name() { return "gsm8k"; }
  static constexpr std::string_view description() {
    return "grade-school maths word problems (JSONL files of openai/grade-school-math)";
  }

  /// Reads the file.
  /// Errors  DataError: cannot be opened, bad rows (all of them, with line and reason), no rows;
  ///         ConfigError: no path, limit < 0.
  explicit Gsm8k(const Options& options);

  /// Ids "gsm8k-<file name without extension>-<line>".
  [[nodiscard]] std::vector<Example> examples() const { return *examples_; }

  /// `is_correct` and `extracted` by the chosen filter, on the output up to `gsm8k_until`; metrics
  /// strict_match and flexible_extract by both; grade 1 or 0.
  [[nodiscard]] Verdict check(const Example& example, std::string_view output) const;

  /// Draws a kind of error, then one among all places where it fits: an operation or operand of an
  /// annotation changed (in the words before it too), a result off by one, a line left out, or
  /// another final answer.
  ///
  /// A changed value is carried on: later numbers equal to it are taken to be it, the annotations
  /// they stand in are worked out again, and the final answer follows; wrong_final_answer changes
  /// the last line alone.  A place does not fit where the solution does not show what to change: an
  /// annotation that is not true or holds other signs than + - * / ( ), a value that would be
  /// negative, above 10^9 or have more than two decimals, or an expression worded otherwise before
  /// its annotation.  Re-checked: wrong by both filters.
  [[nodiscard]] std::optional<Injection> inject_error(const Example& example, Stream& draws) const;

 private:
  Options options_;
  std::shared_ptr<const std::vector<Example>> examples_;
};
static_assert(Component<Gsm8k> && InjectingTask<Gsm8k>);

}  // namespace lldm
