// SPDX-License-Identifier: MIT
// A synthesize stage: pairs from a model's own graded answers, or from errors put into correct
// chains.
#include <algorithm>
#include <map>
#include <numeric>

#include "lldm/concepts/any_task.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/synthesize_options.hpp"
#include "lldm/storage/files.hpp"
#include "stage/generation.hpp"
#include "stage/kinds.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

struct Outcome {
  std::string samples, pairs;  // JSONL
  Result result;
};

Json pair_json(const Example& example, const std::string& chosen, const std::string& rejected) {
  return {
      {"id", example.id}, {"prompt", example.prompt}, {"chosen", chosen}, {"rejected", rejected}};
}

/// A graded answer of one prompt.
struct Graded {
  Verdict verdict;
  std::string text;
  Json path;  // null unless steps are recorded
};

Json path_json(const Generated& answer) {
  return {{"tokens", answer.tokens}, {"steps", answer.reveal_step}};
}

/// Best against worst, second best against second worst, ... of one prompt, while the grades
/// differ.
void pair_up(const Example& example, std::vector<Graded> answers, std::int64_t most, Outcome& out,
             std::int64_t& both_correct) {
  std::stable_sort(answers.begin(), answers.end(), [](const Graded& a, const Graded& b) {
    return a.verdict.grade > b.verdict.grade;
  });
  std::int64_t made = 0;
  for (std::size_t i = 0, j = answers.size(); i + 1 < j && made < most; ++i) {
    --j;
    const Graded &best = answers[i], &worst = answers[j];
    if (!(best.verdict.grade > worst.verdict.grade)) break;
    Json row = pair_json(example, best.text, worst.text);
    row["grade_chosen"] = best.verdict.grade;
    row["grade_rejected"] = worst.verdict.grade;
    if (!best.path.is_null()) {
      row["chosen_path"] = best.path;
      row["rejected_path"] = worst.path;
    }
    out.pairs += row.dump() + "\n";
    both_correct += worst.verdict.is_correct ? 1 : 0;
    ++made;
  }
  out.result["pairs"] = out.result.value("pairs", std::int64_t{0}) + made;
  if (made == 0) out.result["ties"] = out.result.value("ties", std::int64_t{0}) + 1;
}

Outcome sample_pairs(const RunContext& run, const Work& work, const SynthesizeStage& stage) {
  const ModelBundle bundle = starting_model(run, work, stage.from);
  bundle.model->set_trainable(false);
  const Services services = run.services(work, bundle.tokenizer);
  const auto task = run.registry.make<AnyTask>(stage.task, services);
  const auto sampler = run.registry.make<AnySampler>(stage.sampler, services);
  const std::vector<Example> examples = limited(task.examples(), stage.limit);
  const auto texts = generate(run, work, bundle, sampler, prompts_of(examples),
                              stage.samples_per_prompt, "answers");
  Outcome out;
  out.result["pairs"] = 0;
  out.result["ties"] = 0;
  std::int64_t correct = 0, both_correct = 0;
  FailedChecks failed;
  std::size_t at = 0;
  for (std::size_t p = 0; p < examples.size(); ++p) {
    std::vector<Graded> answers;
    for (; at < texts.size() && texts[at].prompt == p; ++at) {
      Verdict verdict = check_answer(run, work, task, examples[p], texts[at].text);
      failed.note(examples[p], verdict);
      correct += verdict.is_correct ? 1 : 0;
      Json row = {{"id", examples[p].id},       {"prompt", examples[p].prompt},
                  {"response", texts[at].text}, {"correct", verdict.is_correct},
                  {"grade", verdict.grade},     {"metrics", verdict.metrics}};
      Graded answer{.verdict = std::move(verdict), .text = texts[at].text, .path = nullptr};
      if (stage.record_steps) row["response_path"] = answer.path = path_json(texts[at]);
      const bool is_judged = answer.verdict.failure.empty();
      if (!is_judged) row["check_failure"] = answer.verdict.failure;
      out.samples += row.dump() + "\n";
      if (is_judged) answers.push_back(std::move(answer));
    }
    pair_up(examples[p], std::move(answers), stage.pairs_per_prompt, out, both_correct);
  }
  out.result["prompts"] = examples.size();
  out.result["samples"] = texts.size();
  out.result["sample_accuracy"] = static_cast<double>(correct) / static_cast<double>(texts.size());
  out.result["pairs_both_correct"] = both_correct;
  if (failed.count() > 0) out.result["failed_checks"] = failed.count();
  failed.tell(run, work, texts.size());
  return out;
}

Outcome inject_pairs(const RunContext& run, const Work& work, const SynthesizeStage& stage) {
  const Services services = run.services(work, nullptr);
  const auto task = run.registry.make<AnyTask>(stage.task, services);
  if (!task.can_inject())
    throw ConfigError(message("stage \"", stage.name, "\": task \"", stage.task.type(),
                              "\" cannot inject errors\n  use method = \"sample\""));
  Outcome out;
  std::map<std::string, std::int64_t> kinds;
  std::int64_t refused = 0, pairs = 0;
  const std::vector<Example> examples = limited(task.examples(), stage.limit);
  for (std::size_t p = 0; p < examples.size(); ++p) {
    std::vector<std::string> seen;
    for (std::int64_t k = 0; k < stage.samples_per_prompt; ++k) {
      Stream draws = services.draws.stream(Purpose::injection, 0, p, static_cast<std::uint64_t>(k));
      const auto injected = task.inject_error(examples[p], draws);
      // The same wrong text twice says nothing new.
      if (!injected || std::find(seen.begin(), seen.end(), injected->text) != seen.end()) {
        ++refused;
        continue;
      }
      seen.push_back(injected->text);
      if (static_cast<std::int64_t>(seen.size()) > stage.pairs_per_prompt) break;
      Json row = pair_json(examples[p], examples[p].answer, injected->text);
      row["error"] = injected->kind;
      out.pairs += row.dump() + "\n";
      ++kinds[injected->kind];
      ++pairs;
    }
  }
  out.result["prompts"] = examples.size();
  out.result["pairs"] = pairs;
  out.result["no_error_fits_or_repeated"] = refused;
  out.result["errors"] = kinds;
  return out;
}

}  // namespace

Result SynthesizeKind::run(const Options& stage, const RunContext& run, const Work& work) {
  Outcome out = stage.method == SynthesisMethod::sample ? sample_pairs(run, work, stage)
                                                        : inject_pairs(run, work, stage);
  if (out.pairs.empty())
    throw Error(message(
        "stage \"", stage.name, "\": no pair was made: every prompt's answers have equal grades\n",
        "  more samples_per_prompt, a higher temperature, or a model that is sometimes right"));
  make_folders(work.folder);
  if (!out.samples.empty()) write_file_atomically(work.folder / "samples.jsonl", out.samples);
  write_file_atomically(work.folder / "pairs.jsonl", out.pairs);
  run.logger.info(message("stage ", run.label(work), ": ",
                          out.result.at("pairs").get<std::int64_t>(), " pairs from ",
                          out.result.at("prompts").get<std::int64_t>(), " prompts"));
  return out.result;
}

}  // namespace lldm
