// SPDX-License-Identifier: MIT
// lldm data synthesize --problems | --judge | --labeled: pairs of answers made elsewhere.
#include <charconv>
#include <iostream>
#include <nlohmann/json.hpp>

#include "cli/data_synthesize.hpp"
#include "eval/judge_command.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/sha256.hpp"
#include "lldm/text/utf8.hpp"
#include "stage/benchmark_rows.hpp"
#include "synthesis/answer_file.hpp"
#include "synthesis/benchmarks.hpp"

namespace lldm::cli {
namespace {

using Json = nlohmann::ordered_json;

PairBy pair_by(const Arguments& arguments) {
  const std::string given = arguments.value("pair-by", "outcome");
  for (const auto& choice : choices(std::type_identity<PairBy>{}))
    if (choice.name == given) return choice.value;
  const std::vector<std::string> names = {"outcome", "grade"};
  throw ConfigError(message("--pair-by got ", config::in_quotes(given), "\n  ",
                            config::did_you_mean(given, names, "rules")));
}

double share(const Arguments& arguments, const std::string& name, double otherwise) {
  if (!arguments.has(name)) return otherwise;
  const std::string text = arguments.value(name);
  double number = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < 0 || number > 1)
    throw ConfigError(
        message("--", name, " got ", config::in_quotes(text), "\n  legal: numbers from 0 to 1"));
  return number;
}

/// How answers are labeled, and by whom.
struct Labels {
  std::string by;  // "gsm8k", "judge: CMD", "file"
  std::vector<std::vector<Verdict>> verdicts;
};

Labels labels_of(const SynthesisRequest& request,
                 const std::vector<synthesis::PromptAnswers>& prompts,
                 const std::optional<AnyTask>& task) {
  Labels labels;
  const Arguments& arguments = request.arguments;
  std::vector<Verdict> judged;
  if (arguments.has("judge")) {
    labels.by = "judge: " + arguments.value("judge");
    std::vector<Json> lines;
    for (const auto& prompt : prompts)
      for (const auto& answer : prompt.answers) {
        lines.push_back({{"id", prompt.example.id},
                         {"prompt", prompt.example.prompt},
                         {"response", answer.text}});
        if (!prompt.example.answer.empty()) lines.back()["answer"] = prompt.example.answer;
      }
    const auto timeout = static_cast<double>(arguments.integer("judge-timeout", 600, 1, 86400));
    judged = eval::JudgeCommand(arguments.value("judge"), timeout).judge(lines);
  } else {
    labels.by = task ? arguments.value("task") : "file";
  }
  std::size_t next = 0;
  for (const auto& prompt : prompts) {
    auto& verdicts = labels.verdicts.emplace_back();
    for (const auto& answer : prompt.answers)
      if (arguments.has("judge"))
        verdicts.push_back(judged[next++]);
      else if (task)
        verdicts.push_back(task->check(prompt.example, answer.text));
      else
        verdicts.push_back({.is_correct = answer.is_correct.value_or(false),
                            .grade = answer.is_correct.value_or(false) ? 1.0 : 0.0,
                            .extracted = {},
                            .metrics = {}});
  }
  return labels;
}

/// DataError for answers that nobody labels.
void require_labels(const std::vector<synthesis::PromptAnswers>& prompts,
                    const std::string& where) {
  for (const auto& prompt : prompts)
    for (const auto& answer : prompt.answers)
      if (!answer.is_correct)
        throw DataError(message(where, ':', answer.line, ": the row has no \"correct\"",
                                "\n  --problems FILE (with --task) lets the task's checker label ",
                                "the answers, --judge \"CMD\" a program of yours"));
}

}  // namespace

int import_answers(const SynthesisRequest& request) {
  const Arguments& arguments = request.arguments;
  for (const char* option : {"kinds", "per-kind"})
    if (arguments.has(option))
      throw ConfigError(message("--", option, " is not read here: answers are imported"));
  std::vector<synthesis::PromptAnswers> prompts = synthesis::read_answers(request.from);
  synthesis::ImportCounts counts;
  std::optional<AnyTask> task;
  std::vector<Example> asked;
  if (arguments.has("problems")) {
    task = task_of(request, arguments.value("task"), arguments.value("problems"));
    counts.without_problem = static_cast<std::int64_t>(
        synthesis::match_problems(prompts, task->examples(), request.from.string()).size());
  }
  if (!task && !arguments.has("judge")) require_labels(prompts, request.from.string());
  for (const auto& prompt : prompts) asked.push_back(prompt.example);
  const std::filesystem::path named = arguments.value("problems", request.from.string());
  refuse_benchmarks("lldm data synthesize", std::filesystem::absolute(named), asked,
                    request.benchmarks,
                    "import answers to other problems; to measure with them: --allow-benchmarks");
  const Labels labels = labels_of(request, prompts, task);
  const synthesis::PairRule rule{.by = pair_by(arguments),
                                 .correct_share_min = share(arguments, "correct-share-min", 0.0),
                                 .correct_share_max = share(arguments, "correct-share-max", 1.0),
                                 .most = arguments.integer("pairs-per-prompt", 1, 0, 1024)};
  const synthesis::PairSource source{to_valid_utf8(request.from.filename().string()),
                                     sha256_file(request.from),
                                     synthesis::benchmark_name(std::filesystem::absolute(named))};
  PendingFile out(arguments.value("out"));
  for (std::size_t p = 0; p < prompts.size(); ++p)
    for (const std::string& line :
         synthesis::import_pairs(prompts[p], labels.verdicts[p], rule, source, labels.by, counts))
      out.write(line + "\n");
  if (counts.pairs == 0)
    throw DataError(message(request.from.string(), ": no pair was made\n  ", counts.json().dump()));
  out.publish();
  std::cout << arguments.value("out") << ": " << counts.pairs << " pairs of " << counts.answers
            << " answers to " << counts.prompts << " prompts\n  " << counts.correct
            << " answers correct, " << counts.incomplete << " incomplete, " << counts.failed
            << " without a verdict; prompts without a pair: " << counts.ties << " ties, "
            << counts.too_hard << " too hard, " << counts.too_easy << " too easy; "
            << counts.without_problem << " prompts are none of the problems\n";
  if (arguments.has("json")) std::cout << counts.json().dump() << "\n";
  return 0;
}

}  // namespace lldm::cli
