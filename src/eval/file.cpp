// SPDX-License-Identifier: MIT
#include "lldm/eval/file.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <unordered_map>

#include "data/row_parser.hpp"
#include "eval/answer_regex.hpp"
#include "eval/answer_text.hpp"
#include "eval/checker_verdict.hpp"
#include "eval/item_file.hpp"
#include "lldm/config/options_check.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

using eval::AnswerRegex;
using eval::Item;

constexpr std::string_view kInvalid = "[invalid]";

AnswerRegex compiled(const std::string& key, const std::string& expression) {
  try {
    return AnswerRegex(expression);
  } catch (const DataError& error) {
    throw ConfigError(message("task file: ", key, ": ", error.what(), "\n  in: ", expression));
  }
}

std::string_view name_of(FileCheck check) {
  for (const auto& choice : choices(std::type_identity<FileCheck>{}))
    if (choice.value == check) return choice.name;
  return "?";
}

}  // namespace

void FileTask::Options::check(config::OptionsCheck& check) const {
  const FileTask::Options plain;
  const auto reads = [&](const char* key, bool is_given, bool is_read, const char* owner) {
    if (is_given && !is_read)
      check.error(key, message(key, " is not read by check = \"", name_of(check_by), "\""),
                  message("it belongs to ", owner));
  };
  const bool is_exact = check_by == FileCheck::exact_match,
             is_number = check_by == FileCheck::numeric,
             is_command = check_by == FileCheck::command;
  const char *of_exact = "check = \"exact_match\"", *of_number = "check = \"numeric\"",
             *of_command = "check = \"command\"";
  reads("extract", !extract.empty(), is_exact || is_number, "exact_match and numeric");
  reads("extract_match", extract_match != plain.extract_match, !extract.empty(), "`extract`");
  reads("regexes_to_ignore", !regexes_to_ignore.empty(), is_exact, of_exact);
  reads("ignore_case", ignore_case, is_exact, of_exact);
  reads("ignore_punctuation", ignore_punctuation, is_exact, of_exact);
  reads("absolute_tolerance", absolute_tolerance != 0, is_number, of_number);
  reads("relative_tolerance", relative_tolerance != 0, is_number, of_number);
  reads("command", !command.empty(), is_command, of_command);
  reads("reply", reply != plain.reply, is_command, of_command);
  reads("timeout_seconds", timeout_seconds != plain.timeout_seconds, is_command, of_command);
  if (is_command && command.empty())
    check.error("command", "check = \"command\" needs a command",
                "command = [\"python3\", \"check.py\"]: a list of words, run without a shell");
  for (const std::string& text : stop)
    if (text.empty()) check.error("stop", "stop holds an empty text", "leave it out");
}

struct FileTask::State {
  Options options;
  std::optional<AnswerRegex> extract;
  std::vector<AnswerRegex> ignored;
  std::optional<eval::CheckerCommand> command;
  std::vector<Item> items;
  std::unordered_map<std::string, std::size_t> place_of_id;
  std::vector<AnswerRegex> expressions;  // one an item, for check = "regex"

  explicit State(const Options& given) : options(given) {
    if (!options.extract.empty()) extract = compiled("extract", options.extract);
    for (const std::string& expression : options.regexes_to_ignore)
      ignored.push_back(compiled("regexes_to_ignore", expression));
    if (options.check_by == FileCheck::command)
      command.emplace(options.command, options.file.parent_path(), options.timeout_seconds);
    items = eval::read_items(options.file, options.limit, options.check_by != FileCheck::command,
                             [this](const std::string& answer) { return why_bad(answer); });
    for (std::size_t i = 0; i < items.size(); ++i) place_of_id[items[i].example.id] = i;
  }

  /// Expressions can give up.
  [[nodiscard]] bool has_expressions() const {
    return extract || !ignored.empty() || !expressions.empty();
  }

  /// What makes an item's answer useless for the check.
  std::string why_bad(const std::string& answer) {
    try {
      if (options.check_by == FileCheck::numeric && !eval::last_number(answer))
        return "\"answer\" holds no number";
      if (options.check_by == FileCheck::regex) expressions.emplace_back(answer);
      if (options.check_by == FileCheck::exact_match) static_cast<void>(plain(answer));
    } catch (const Error& error) {
      return message("\"answer\": ", error.what());
    }
    return "";
  }

  /// The text as it is compared.
  [[nodiscard]] std::string plain(std::string text) const {
    for (const AnswerRegex& expression : ignored) text = expression.without(text);
    return eval::plain_answer(std::move(text), options.ignore_case, options.ignore_punctuation);
  }

  [[nodiscard]] std::string read_out(std::string_view output) const {
    if (!extract) return std::string(output);
    const auto which = options.extract_match == ExtractMatch::first ? AnswerRegex::Which::first
                                                                    : AnswerRegex::Which::last;
    return extract->find(output, which).value_or(std::string(kInvalid));
  }

  [[nodiscard]] Verdict exact_match(const Example& example, std::string_view output) const {
    Verdict verdict;
    verdict.extracted = read_out(output);
    verdict.is_correct = plain(verdict.extracted) == plain(example.answer);
    return verdict;
  }

  [[nodiscard]] Verdict numeric(const Example& example, std::string_view output) const {
    Verdict verdict;
    const auto given = eval::last_number(read_out(output)),
               wanted = eval::last_number(example.answer);
    verdict.extracted = given ? given->text : std::string(kInvalid);
    verdict.is_correct =
        given && wanted &&
        std::abs(given->value - wanted->value) <=
            options.absolute_tolerance + options.relative_tolerance * std::abs(wanted->value);
    return verdict;
  }

  [[nodiscard]] Verdict regex(const Example& example, std::string_view output) const {
    Verdict verdict;
    const auto at = place_of_id.find(example.id);
    verdict.is_correct =
        at != place_of_id.end() && items[at->second].example.answer == example.answer
            ? expressions[at->second].is_found(output)
            : AnswerRegex(example.answer).is_found(output);
    return verdict;
  }

  [[nodiscard]] Verdict by_command(const Example& example, std::string_view output) const {
    nlohmann::json call;
    const auto at = place_of_id.find(example.id);
    if (at != place_of_id.end())
      call["item"] = items[at->second].row;
    else
      call["item"] = {{"id", example.id}, {"prompt", example.prompt}, {"answer", example.answer}};
    call["output"] = output;
    using Json = nlohmann::json;
    const std::string input = call.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    return eval::verdict_of(command->run(input), options.reply, options.timeout_seconds);
  }

  [[nodiscard]] Verdict judge(const Example& example, std::string_view output) const {
    switch (options.check_by) {
      case FileCheck::exact_match:
        return exact_match(example, output);
      case FileCheck::numeric:
        return numeric(example, output);
      case FileCheck::regex:
        return regex(example, output);
      case FileCheck::command:
        return by_command(example, output);
    }
    return {};
  }
};

FileTask::FileTask(const Options& options) {
  if (options.file.empty())
    throw ConfigError("task file: file is missing\n  it names a JSONL file of prompts and answers");
  config::require_legal(options, "task file");
  state_ = std::make_shared<const State>(options);
}

std::vector<Example> FileTask::examples() const {
  std::vector<Example> examples;
  for (const Item& item : state_->items) examples.push_back(item.example);
  return examples;
}

std::vector<std::string> FileTask::vocabulary_texts() const {
  std::vector<std::string> texts;
  if (state_->options.check_by != FileCheck::regex) return texts;
  for (const Item& item : state_->items) {
    texts.push_back(item.example.prompt);
    if (!item.example.solution.empty()) texts.push_back(item.example.solution);
  }
  return texts;
}

Verdict FileTask::check(const Example& example, std::string_view output) const {
  std::size_t end = output.size();
  for (const std::string& stop : state_->options.stop) end = std::min(end, output.find(stop));
  output = output.substr(0, end);
  const bool is_command = state_->options.check_by == FileCheck::command;
  Verdict verdict;
  try {
    verdict = state_->judge(example, output);
  } catch (const std::exception& error) {  // a limit was met: no verdict, and said so
    verdict = eval::failed_check(is_command ? "check_exit" : "check_garbage", error.what());
  }
  if (!is_command) {
    verdict.grade = verdict.is_correct ? 1.0 : 0.0;
    if (state_->has_expressions()) verdict.metrics.try_emplace("check_garbage", 0.0);
  }
  return verdict;
}

}  // namespace lldm
