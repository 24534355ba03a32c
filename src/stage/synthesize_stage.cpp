// SPDX-License-Identifier: MIT
// A synthesize stage that samples: pairs from a model's own graded answers.  The others are in
// synthesize_made.cpp.
#include "lldm/concepts/any_task.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/synthesize_options.hpp"
#include "lldm/storage/files.hpp"
#include "stage/generation.hpp"
#include "stage/kinds.hpp"
#include "stage/shared_rows.hpp"
#include "stage/synthesize_made.hpp"
#include "synthesis/benchmarks.hpp"
#include "synthesis/judged_answers.hpp"
#include "synthesis/provenance.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

/// A graded answer of one prompt.
struct Graded {
  Verdict verdict;
  std::string text;
  Json path;               // null unless steps are recorded
  std::size_t number = 0;  // of the prompt's samples, from 0
};

Json path_json(const Generated& answer) {
  return {{"tokens", answer.tokens}, {"steps", answer.reveal_step}};
}

/// Figures of the result that pairs add to.
struct PairFigures {
  std::int64_t pairs = 0, ties = 0, both_correct = 0, too_hard = 0, too_easy = 0;
};

/// The pairs of one prompt's answers, one line of JSON each.
std::string pair_up(const Example& example, const std::vector<Graded>& answers,
                    const synthesis::PairRule& rule, const Json& provenance, PairFigures& figures) {
  std::vector<synthesis::JudgedAnswer> judged;
  for (const Graded& answer : answers) judged.push_back({answer.verdict, answer.text});
  const synthesis::AnswerPairs found = synthesis::pair_answers(judged, rule);
  std::string lines;
  for (const auto& [best, worst] : found.pairs) {
    const Graded &better = answers[best], &worse = answers[worst];
    Json row = pair_json(example, better.text, worse.text);
    row["grade_chosen"] = better.verdict.grade;
    row["grade_rejected"] = worse.verdict.grade;
    if (!better.path.is_null()) {
      row["chosen_path"] = better.path;
      row["rejected_path"] = worse.path;
    }
    row["outcome_chosen"] = to_string(synthesis::outcome_of(better.verdict));
    row["outcome_rejected"] = to_string(synthesis::outcome_of(worse.verdict));
    row["provenance"] = provenance;
    row["provenance"]["answers"] = {better.number, worse.number};
    lines += row.dump() + "\n";
    figures.both_correct += worse.verdict.is_correct ? 1 : 0;
    ++figures.pairs;
  }
  using Why = synthesis::AnswerPairs::Why;
  figures.ties += found.why == Why::ties ? 1 : 0;
  figures.too_hard += found.why == Why::too_hard ? 1 : 0;
  figures.too_easy += found.why == Why::too_easy ? 1 : 0;
  return lines;
}

/// Judges the answers to one prompt; those without a verdict are kept as samples alone.
std::vector<Graded> judge(const RunContext& run, const Work& work, const AnyTask& task,
                          const Example& example, std::span<const Generated> texts,
                          bool record_steps, FailedChecks& failed, std::int64_t& correct,
                          std::string& samples) {
  std::vector<Graded> answers;
  for (std::size_t number = 0; number < texts.size(); ++number) {
    const Generated& text = texts[number];
    Verdict verdict = check_answer(run, work, task, example, text.text);
    failed.note(example, verdict);
    correct += verdict.is_correct ? 1 : 0;
    Json row = {{"id", example.id},       {"prompt", example.prompt},
                {"response", text.text},  {"correct", verdict.is_correct},
                {"grade", verdict.grade}, {"metrics", verdict.metrics}};
    Graded answer{
        .verdict = std::move(verdict), .text = text.text, .path = nullptr, .number = number};
    if (record_steps) row["response_path"] = answer.path = path_json(text);
    const bool is_judged = answer.verdict.failure.empty();
    if (!is_judged) row["check_failure"] = answer.verdict.failure;
    samples += row.dump() + "\n";
    if (is_judged) answers.push_back(std::move(answer));
  }
  return answers;
}

MadePairs sample_pairs(const RunContext& run, const Work& work, const SynthesizeStage& stage) {
  const ModelBundle bundle = starting_model(run, work, stage.from);
  bundle.model->set_trainable(false);
  const Services services = run.services(work, bundle.tokenizer);
  const auto task = run.registry.make<AnyTask>(stage.task, services);
  const auto sampler = run.registry.make<AnySampler>(stage.sampler, services);
  const std::vector<Example> examples = allowed_problems(run, stage, task);
  const auto texts = generate(run, work, bundle, sampler, prompts_of(examples),
                              stage.samples_per_prompt, "answers");
  if (is_follower(run)) return {};  // answers are judged where they are written
  const synthesis::PairSource source = source_of(run, stage);
  const synthesis::PairRule rule = pair_rule(stage);
  MadePairs out;
  PairFigures figures;
  std::int64_t correct = 0;
  FailedChecks failed;
  std::size_t begin = 0;
  for (std::size_t p = 0; p < examples.size(); ++p) {
    std::size_t end = begin;
    while (end < texts.size() && texts[end].prompt == p) ++end;
    const std::vector<Graded> answers =
        judge(run, work, task, examples[p], std::span(texts).subspan(begin, end - begin),
              stage.record_steps, failed, correct, out.samples);
    begin = end;
    Json provenance =
        provenance_of("sample", source, examples[p], services.draws.seed(),
                      stage.allow_benchmarks ? synthesis::benchmark_of(examples[p].prompt) : "");
    provenance["model"] = stage.from;
    out.pairs += pair_up(examples[p], answers, rule, provenance, figures);
  }
  out.result = {
      {"pairs", figures.pairs},
      {"ties", figures.ties},
      {"prompts", examples.size()},
      {"samples", texts.size()},
      {"sample_accuracy", static_cast<double>(correct) / static_cast<double>(texts.size())},
      {"pairs_both_correct", figures.both_correct}};
  if (stage.correct_share_min || stage.correct_share_max) {
    out.result["too_hard"] = figures.too_hard;
    out.result["too_easy"] = figures.too_easy;
  }
  if (failed.count() > 0) out.result["failed_checks"] = failed.count();
  failed.tell(run, work, texts.size());
  return out;
}

}  // namespace

Result SynthesizeKind::run(const Options& stage, const RunContext& run, const Work& work) {
  const bool is_sampled = stage.method == SynthesisMethod::sample;
  const MadePairs out = is_sampled ? sample_pairs(run, work, stage)
                        : stage.method == SynthesisMethod::imported
                            ? import_answers(run, work, stage)
                        : stage.kinds ? inject_kinds(run, work, stage)
                                      : inject_by_task(run, work, stage);
  if (is_follower(run)) return {};
  if (out.pairs.empty() && is_sampled)
    throw Error(message(
        "stage \"", stage.name, "\": no pair was made: every prompt's answers have equal grades\n",
        "  more samples_per_prompt, a higher temperature, or a model that is sometimes right"));
  if (out.pairs.empty())
    throw DataError(message("stage \"", stage.name, "\": no pair was made\n  ", out.result.dump()));
  make_folders(work.folder);
  if (!out.samples.empty()) write_file_atomically(work.folder / "samples.jsonl", out.samples);
  write_file_atomically(work.folder / "pairs.jsonl", out.pairs);
  run.logger.info(message("stage ", run.label(work), ": ",
                          out.result.at("pairs").get<std::int64_t>(), " pairs from ",
                          out.result.at("prompts").get<std::int64_t>(), " prompts"));
  return out.result;
}

}  // namespace lldm
