// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "lldm/concepts/component.hpp"
#include "lldm/concepts/task.hpp"
#include "lldm/config/field.hpp"

namespace lldm {

namespace config {
class OptionsCheck;
}

/// What makes an answer of a `file` task correct.
enum class FileCheck : std::uint8_t {
  exact_match,  // the text is the item's answer
  numeric,      // its number is the answer's
  regex,        // the item's answer is an expression that matches it
  command,      // a program of the user's says so
};
constexpr auto choices(std::type_identity<FileCheck>) {
  return std::array{Choice<FileCheck>{"exact_match", FileCheck::exact_match},
                    Choice<FileCheck>{"numeric", FileCheck::numeric},
                    Choice<FileCheck>{"regex", FileCheck::regex},
                    Choice<FileCheck>{"command", FileCheck::command}};
}

/// Which match of `extract` is the answer.
enum class ExtractMatch : std::uint8_t { first, last };
constexpr auto choices(std::type_identity<ExtractMatch>) {
  return std::array{Choice<ExtractMatch>{"first", ExtractMatch::first},
                    Choice<ExtractMatch>{"last", ExtractMatch::last}};
}

/// How a checker command says its verdict.
enum class CheckerReply : std::uint8_t {
  json,       // {"correct": true} on its standard output
  exit_code,  // 0 correct, 1 wrong
};
constexpr auto choices(std::type_identity<CheckerReply>) {
  return std::array{Choice<CheckerReply>{"json", CheckerReply::json},
                    Choice<CheckerReply>{"exit_code", CheckerReply::exit_code}};
}

/// Problems of one's own: a JSONL file of prompts and answers, judged without C++.
///
/// A row is {"prompt": text, "answer": text or number}, with an "id" (text or integer) where the
/// line number is not name enough and a "solution" (text), the way to the answer, which it ends in,
/// where pairs are made of it; other keys are kept for the checker command.  The prompt is given to
/// the model as it stands: few-shot examples and "Answer:" are the file's to write.
///
/// Checks, all on the output up to the first of `stop`:
///   exact_match  both texts lose every match of `regexes_to_ignore`, in order, then (if asked for)
///                case and ASCII punctuation, then surrounding white space; then they are the same.
///                With `extract`, the answer is read out of the output first; "[invalid]" where
///                nothing matches.
///   numeric      the last number of the output (of what `extract` reads) against the last number
///                of the answer: "1,234.50", "-3", "5e-2"; |a - b| <= absolute_tolerance +
///                relative_tolerance |b|.  No number is wrong.
///   regex        the item's answer is a PCRE2 expression; correct where it matches anywhere.
///   command      `command` is run once an answer, no shell between, and gets one JSON object on
///                its standard input: {"item": the row with id, prompt and answer, "output": text}.
///                reply = "json": it exits with 0 and writes {"correct": true} and, if it likes,
///                "grade" (a number: higher is better), "extracted" (text), "metrics" (table of
///                numbers).  reply = "exit_code": 0 is correct, 1 with nothing on its standard
///                error is wrong.  Its working folder is that of `file`, its environment lldm's.
///                After `timeout_seconds` it is killed; all that it has started never outlives it.
///
/// A check that fails is never a verdict: the answer counts as not correct, its Verdict says why,
/// and the metrics check_timeout, check_crash (a signal), check_exit (another exit code) and
/// check_garbage (anything but the reply that was agreed; an expression that gave up) are shares of
/// items, always there for `command` (check_garbage for expressions too).
class FileTask {
 public:
  struct Options {
    std::filesystem::path file = {};
    FileCheck check_by = FileCheck::exact_match;
    std::vector<std::string> stop = {};
    std::string extract = {};
    ExtractMatch extract_match = ExtractMatch::last;
    std::vector<std::string> regexes_to_ignore = {};
    bool ignore_case = false;
    bool ignore_punctuation = false;
    double absolute_tolerance = 0.0;
    double relative_tolerance = 0.0;
    std::vector<std::string> command = {};
    CheckerReply reply = CheckerReply::json;
    double timeout_seconds = 10.0;
    std::int64_t limit = 0;
    static constexpr auto describe() {
      using O = Options;
      return std::tuple{
          field(
              "file", &O::file,
              "JSONL file, a row {\"prompt\": text, \"answer\": text or number} a line, \"id\" if "
              "wanted; the prompt is given to the model as it stands.")
              .required(),
          field("check", &O::check_by,
                "What makes an answer correct: \"exact_match\" with the item's answer, "
                "\"numeric\" (the last number of both), \"regex\" (the item's answer is an "
                "expression that matches), or \"command\" (a program of yours)."),
          field("stop", &O::stop,
                "The answer ends before the first of these texts: what stands behind is not read."),
          field("extract", &O::extract,
                "exact_match, numeric: PCRE2 expression that reads the answer out of the output "
                "(its first group that holds text, or the whole match); \"\": the whole output."),
          field("extract_match", &O::extract_match,
                "Which match of `extract` is read: \"first\" or \"last\"."),
          field("regexes_to_ignore", &O::regexes_to_ignore,
                "exact_match: expressions removed from both texts, in this order."),
          field("ignore_case", &O::ignore_case, "exact_match: upper and lower case are the same."),
          field("ignore_punctuation", &O::ignore_punctuation,
                "exact_match: ASCII punctuation is removed from both texts."),
          field("absolute_tolerance", &O::absolute_tolerance,
                "numeric: largest difference that is still correct.")
              .at_least(0.0),
          field("relative_tolerance", &O::relative_tolerance,
                "numeric: the same as a share of the item's answer, added to it.")
              .range(0.0, 1.0),
          field("command", &O::command,
                "command: the checker and its arguments, a list of words, run in the folder of "
                "`file` without a shell; it reads {\"item\": row, \"output\": text} from its "
                "standard input (docs/concepts/task.md)."),
          field("reply", &O::reply,
                "command: \"json\" ({\"correct\": true} on standard output, exit code 0) or "
                "\"exit_code\" (0 correct, 1 wrong)."),
          field("timeout_seconds", &O::timeout_seconds,
                "command: longest time of one check; then it is killed with its children, and "
                "counted (check_timeout).")
              .above(0.0)
              .unit("s"),
          field("limit", &O::limit, "Only the first so many rows; 0: all.").at_least(0),
      };
    }
    void check(config::OptionsCheck& check) const;
  };
  static constexpr std::string_view name() { return "file"; }
  static constexpr std::string_view description() {
    return "your own prompts and answers (JSONL), judged by match, number, expression or a program";
  }

  /// Reads the file.
  /// Errors  DataError: cannot be opened, no regular file, bad rows (all of them, with line and
  ///         reason), no rows, an id twice; ConfigError: options that are not legal or clash,
  ///         expressions that are malformed, no such program.
  explicit FileTask(const Options& options);

  /// Ids are the rows' own, else "<file name without extension>-<line>".
  [[nodiscard]] std::vector<Example> examples() const;
  [[nodiscard]] Verdict check(const Example& example, std::string_view output) const;
  /// Of check = "regex" prompts and solutions: its answers are expressions, which no model writes.
  /// Else none: what the examples hold.
  [[nodiscard]] std::vector<std::string> vocabulary_texts() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};
static_assert(Component<FileTask> && Task<FileTask>);

}  // namespace lldm
