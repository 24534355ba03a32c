// SPDX-License-Identifier: MIT
// lldm data label.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <utility>

#include "cli/data_options.hpp"
#include "cli/side_by_side.hpp"
#include "cli/terminal.hpp"
#include "eval/checker_call.hpp"
#include "lldm/concepts/any_task.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/text/utf8.hpp"
#include "stage/label_file.hpp"
#include "stage/prompt_split.hpp"
#include "synthesis/problem_index.hpp"
#include "text/json.hpp"

namespace lldm::cli {
namespace {

std::string prompt_of(const SourceRow& row) {
  std::string text;
  for (const Message& turn : row.messages)
    text += (row.messages.size() == 1 ? "" : turn.role + ": ") + turn.content + "\n";
  if (!text.empty()) text.pop_back();
  return text;
}

/// Rows with two answers, without regard to their order.
AnyRows rows_to_label(const Arguments& arguments) {
  AnyRows rows = read_any_rows(arguments.positional.front(), reader_of(arguments),
                               {RowForm::preference, RowForm::ranked});
  for (const SourceRow& row : rows.rows)
    if (row.answers.size() != 2)
      throw DataError(message(row.place, ": holds ", row.answers.size(),
                              " answers, two are compared at a time"));
  return rows;
}

// By hand ---------------------------------------------------------------------------------------

void show(const ShownPair& pair, std::size_t left) {
  const int width = terminal_width();
  std::cout << '\n'
            << left << " left\n"
            << broken(prompt_of(*pair.row), width) << '\n'
            << side_by_side(pair.shown_first(), pair.shown_second(), width) << '\n'
            << "better: 1 left, 2 right, t neither, s skip, u undo, q quit > " << std::flush;
}

/// Asks until the input ends, or somebody quits.
void by_hand(LabelFile& labels, const AnyRows& rows) {
  std::vector<ShownPair> open = labels.open_pairs(rows);
  for (std::size_t at = 0; at < open.size();) {
    show(open[at], open.size() - at);
    std::string word;
    if (!std::getline(std::cin, word) || word == "q") break;
    if (word == "u") {
      if (!labels.undo()) std::cout << "nothing to undo\n";
      open = labels.open_pairs(rows);
      at = 0;
      continue;
    }
    const std::string_view words[] = {"1", "2", "t", "s"};
    const auto found = std::ranges::find(words, word);
    if (found == std::end(words)) {
      std::cout << "write 1, 2, t, s, u or q\n";
      continue;
    }
    labels.add(open[at], open[at].of_shown(static_cast<Preferred>(found - std::begin(words))));
    ++at;
  }
  std::cout << '\n';
}

// By a command ----------------------------------------------------------------------------------

std::string request_of(const ShownPair& pair) {
  return nlohmann::ordered_json{{"id", pair.row->id},
                                {"prompt", prompt_of(*pair.row)},
                                {"first", pair.shown_first()},
                                {"second", pair.shown_second()}}
             .dump() +
         "\n";
}

Preferred verdict_of(std::string_view line, const ShownPair& pair) {
  const std::string who = "the judge, of " + pair.row->place;
  const nlohmann::json said = parse_json(line, who);
  const std::string verdict =
      said.is_string() ? said.get<std::string>()
      : said.is_object() && said.contains("verdict") && said.at("verdict").is_string()
          ? said.at("verdict").get<std::string>()
          : "";
  for (const auto& [name, preferred] :
       {std::pair{"first", Preferred::first}, std::pair{"second", Preferred::second},
        std::pair{"tie", Preferred::neither}})
    if (verdict == name) return preferred;
  throw DataError(message(who, ": said ", config::in_quotes(shortened(std::string(line), 80)),
                          "\n  one line a pair: {\"verdict\": \"first\"}, \"second\" or \"tie\""));
}

void judge_some(std::span<const ShownPair> pairs, const eval::CheckerCommand& judge,
                LabelFile& labels) {
  std::string input;
  for (const ShownPair& pair : pairs) input += request_of(pair);
  const eval::CheckerEnd end = judge.run(input);
  if (end.kind != eval::CheckerEnd::Kind::exited || end.code != 0)
    throw Error(message("the judge ",
                        end.kind == eval::CheckerEnd::Kind::timed_out        ? "took too long"
                        : end.kind == eval::CheckerEnd::Kind::wrote_too_much ? "wrote too much"
                                                                             : "failed",
                        " (", end.code, ")", end.errors.empty() ? "" : ": " + end.errors,
                        "\n  what was judged before is kept; the same command goes on"));
  std::string_view rest = end.output;
  for (const ShownPair& pair : pairs) {
    const std::size_t line_end = std::min(rest.find('\n'), rest.size());
    labels.add(pair, pair.of_shown(verdict_of(rest.substr(0, line_end), pair)));
    rest.remove_prefix(std::min(rest.size(), line_end + 1));
  }
}

void by_judge(const Arguments& arguments, LabelFile& labels, const AnyRows& rows) {
  const auto batch = static_cast<std::size_t>(arguments.integer("batch", 16, 1, 10000));
  const auto timeout = static_cast<double>(arguments.integer("timeout", 600, 1));
  const eval::CheckerCommand judge({"sh", "-c", arguments.value("judge")}, ".", timeout);
  const std::vector<ShownPair> open = labels.open_pairs(rows);
  TerminalObserver observer;
  for (std::size_t at = 0; at < open.size(); at += batch) {
    if (observer.should_stop()) throw Stopped("stopped on request; the same command goes on");
    judge_some(std::span(open).subspan(at, std::min(batch, open.size() - at)), judge, labels);
  }
}

// By a task's checker ---------------------------------------------------------------------------

/// What a row asks, to the letter; several turns as `prompt_text` tells them apart.
std::string asked_prompt(const SourceRow& row) {
  if (row.messages.empty() && !row.prompt.empty()) return row.prompt;
  if (row.messages.size() == 1 && row.messages.front().role == "user")
    return row.messages.front().content;
  return prompt_text(row);
}

/// The task with the problem that every row asks, known before any verdict is written.
class TaskJudge {
 public:
  /// Errors  DataError if no row asks what the task does; as synthesis::Problems::find.
  TaskJudge(const Arguments& arguments, const AnyRows& rows)
      : registry_(make_registry(arguments)),
        task_(task_named(arguments, arguments.value("task"), registry_, 42)),
        examples_(task_.examples()) {
    const synthesis::Problems problems(examples_);
    std::size_t strange = 0;
    for (const SourceRow& row : rows.rows) {
      const Example* problem = problems.find(
          {.id = {}, .prompt = asked_prompt(row), .answer = {}, .place = row.name()}, false);
      asked_[&row] = problem;
      strange += problem == nullptr;
    }
    const std::string name = config::in_quotes(arguments.value("task"));
    constexpr const char* kHint =
        "the task must be the one that the rows were made with, its options (--set) too, such as "
        "seed and split";
    if (!rows.rows.empty() && strange == rows.rows.size())
      throw DataError(message(rows.path, ": none of the ", strange, " prompts is one of the ",
                              examples_.size(), " problems of task ", name, "\n  ", kHint));
    if (strange > 0)
      note_ = message(strange, " of ", rows.rows.size(), " prompts are no problems of task ", name,
                      " and are skipped: ", kHint, '\n');
  }

  /// A prompt that the task has not, or that its checker could not judge, is skipped and counted.
  void judge(LabelFile& labels, const AnyRows& rows) const {
    std::size_t unjudged = 0;
    std::cout << note_;
    TerminalObserver observer;
    for (const ShownPair& pair : labels.open_pairs(rows)) {
      if (observer.should_stop()) throw Stopped("stopped on request; the same command goes on");
      const Example* problem = asked_.at(pair.row);
      const Preferred preferred = problem ? verdict(*problem, *pair.row) : Preferred::skipped;
      unjudged += problem && preferred == Preferred::skipped;
      labels.add(pair, preferred);
    }
    if (unjudged > 0)
      std::cout << "the task's checker could not judge an answer of " << unjudged
                << " pairs, which are skipped\n";
  }

 private:
  [[nodiscard]] Preferred verdict(const Example& example, const SourceRow& row) const {
    const Verdict first = task_.check(example, row.answers[0]),
                  second = task_.check(example, row.answers[1]);
    if (!first.failure.empty() || !second.failure.empty()) return Preferred::skipped;
    return first.grade > second.grade   ? Preferred::first
           : first.grade < second.grade ? Preferred::second
                                        : Preferred::neither;
  }

  Registry registry_;
  AnyTask task_;
  std::vector<Example> examples_;
  std::map<const SourceRow*, const Example*> asked_;  // null: a problem of none
  std::string note_;
};

/// "hand", "judge CMD", or "task NAME" with its options: verdicts of two of them never mix.
std::string labeled_by(const Arguments& arguments) {
  if (arguments.has("judge")) return "judge " + arguments.value("judge");
  if (!arguments.has("task")) return "hand";
  std::string by = "task " + arguments.value("task");
  for (const std::string& option : arguments.values("set")) by += " " + option;
  return by;
}

}  // namespace

int run_data_label(const Arguments& arguments) {
  const std::string out = required(arguments, "label", "out", "where to?");
  if (arguments.has("judge") && arguments.has("task"))
    throw ConfigError("lldm data label: --judge and --task are two judges\n  give one of them");
  for (const char* option : {"batch", "timeout"})
    if (arguments.has(option) && !arguments.has("judge"))
      throw ConfigError(message("--", option, " is not read here\n  it belongs to --judge"));
  if (arguments.has("set") && !arguments.has("task"))
    throw ConfigError("--set is not read here\n  it holds options of --task");
  const std::filesystem::path file = arguments.positional.front();
  const AnyRows rows = rows_to_label(arguments);
  std::optional<TaskJudge> task;
  if (arguments.has("task")) task.emplace(arguments, rows);
  LabelFile labels(out, {.file = to_valid_utf8(file.filename().string()),
                         .sha256 = sha256_file(file),
                         .by = to_valid_utf8(labeled_by(arguments)),
                         .columns = to_valid_utf8(arguments.value("columns")),
                         .seed = arguments.integer("seed", 42)});
  std::cout << rows.summary << '\n';
  if (arguments.has("judge"))
    by_judge(arguments, labels, rows);
  else if (task)
    task->judge(labels, rows);
  else
    by_hand(labels, rows);
  const std::int64_t written = labels.write(rows);
  std::cout << out << ": " << written << " pairs; neither " << labels.count(Preferred::neither)
            << ", skipped " << labels.count(Preferred::skipped) << ", without a verdict "
            << labels.open_pairs(rows).size() << '\n';
  return 0;
}

}  // namespace lldm::cli
