// SPDX-License-Identifier: MIT
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lldm/draws/stream.hpp"

namespace lldm {

/// One problem of a task.
struct Example {
  std::string id;          // unique within the task and split, stable across runs
  std::string prompt;      // what the model is given
  std::string answer;      // a worked reference answer, as SFT would teach it; may be empty
  std::string place = {};  // "test.jsonl:12" where it was read from a file: messages name it
  /// The way to `answer`, which it ends in, where the problem has one besides; else empty.
  std::string solution = {};
};

/// What a checker says of one output.
struct Verdict {
  bool is_correct = false;
  /// Orders outputs of one prompt: higher is better, equal is a tie.  `synthesize` pairs by it.
  double grade = 0.0;
  std::string extracted;                  // the answer that was read out of the text
  std::map<std::string, double> metrics;  // further figures by name ("superfluous_steps", "exact")
  /// Why the check itself failed (a checker that timed out or crashed); "" where it judged.  Such
  /// an answer counts as not correct, is counted by itself, and is never paired.
  std::string failure = {};
};

/// A correct chain made wrong on purpose.
struct Injection {
  std::string text;
  std::string kind;  // wrong_operation, wrong_operand, off_by_one, dropped_step, wrong_final_answer
};

/// Problems, and how an answer to one is judged.
///
/// A type is a Task if
///   1. `examples()` lists its problems, the same ones in the same order for the same options;
///   2. `check(example, output)` judges a text, whatever bytes it holds, without throwing.
/// It knows no model and no tokenizer.
template <class T>
concept Task = requires(const T& task, const Example& example, std::string_view output) {
  { task.examples() } -> std::same_as<std::vector<Example>>;
  { task.check(example, output) } -> std::same_as<Verdict>;
};

/// A Task that can also make a correct chain wrong: `inject_error` returns nothing when no error of
/// the drawn kind fits, and never a text that `check` still calls correct.
template <class T>
concept InjectingTask = Task<T> && requires(const T& task, const Example& example, Stream& draws) {
  { task.inject_error(example, draws) } -> std::same_as<std::optional<Injection>>;
};

/// A Task that can say every word it may ever produce, in any split or form: what a word vocabulary
/// is made from, so that no later stage meets an unknown word.
template <class T>
concept VocabularyTask = Task<T> && requires(const T& task) {
  { task.vocabulary_texts() } -> std::same_as<std::vector<std::string>>;
};

}  // namespace lldm
