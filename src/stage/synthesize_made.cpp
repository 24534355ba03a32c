// SPDX-License-Identifier: MIT
#include "stage/synthesize_made.hpp"
#include "lldm/text/utf8.hpp"

#include <algorithm>
#include <map>

#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/storage/sha256.hpp"
#include "stage/benchmark_rows.hpp"
#include "stage/generation.hpp"
#include "synthesis/answer_file.hpp"
#include "synthesis/benchmarks.hpp"
#include "synthesis/provenance.hpp"

namespace lldm {
namespace {

constexpr const char* kRemedy =
    "make pairs of another file; to measure with them, the stage says allow_benchmarks = true";

}  // namespace

Result pair_json(const Example& example, const std::string& chosen, const std::string& rejected) {
  return {
      {"id", example.id}, {"prompt", example.prompt}, {"chosen", chosen}, {"rejected", rejected}};
}

std::vector<Example> allowed_problems(const RunContext& run, const SynthesizeStage& stage,
                                      const AnyTask& task) {
  std::vector<Example> problems = limited(task.examples(), stage.limit);
  refuse_benchmarks(
      message("stage \"", stage.name, "\""), file_of_task(run.registry, stage.task.table), problems,
      {stage.allow_benchmarks.value_or(false), stage.benchmarks.value_or("")}, kRemedy);
  return problems;
}

synthesis::PairSource source_of(const RunContext& run, const SynthesizeStage& stage) {
  const std::filesystem::path file = file_of_task(run.registry, stage.task.table);
  if (file.empty()) return {.name = std::string(stage.task.type())};
  return {to_valid_utf8(file.filename().string()), sha256_file(file),
          synthesis::benchmark_name(file)};
}

synthesis::PairRule pair_rule(const SynthesizeStage& stage) {
  return {.by = stage.pair_by.value_or(PairBy::grade),
          .correct_share_min = stage.correct_share_min.value_or(0.0),
          .correct_share_max = stage.correct_share_max.value_or(1.0),
          .most = stage.pairs_per_prompt};
}

MadePairs inject_by_task(const RunContext& run, const Work& work, const SynthesizeStage& stage) {
  const Services services = run.services(work, nullptr);
  const auto task = run.registry.make<AnyTask>(stage.task, services);
  if (!task.can_inject())
    throw ConfigError(message("stage \"", stage.name, "\": task \"", stage.task.type(),
                              "\" cannot inject errors\n  name kinds = [...] "
                              "(docs/reasoning_pairs.md), or use method = \"sample\""));
  MadePairs out;
  std::map<std::string, std::int64_t> kinds;
  std::int64_t refused = 0, pairs = 0;
  const synthesis::PairSource source = source_of(run, stage);
  const std::vector<Example> examples = allowed_problems(run, stage, task);
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
      Result row = pair_json(examples[p], examples[p].answer, injected->text);
      row["error"] = injected->kind;
      row["provenance"] =
          provenance_of("inject", source, examples[p], services.draws.seed(),
                        stage.allow_benchmarks ? synthesis::benchmark_of(examples[p].prompt) : "");
      row["provenance"]["kind"] = injected->kind;
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

MadePairs inject_kinds(const RunContext& run, const Work& work, const SynthesizeStage& stage) {
  const Services services = run.services(work, nullptr);
  const auto task = run.registry.make<AnyTask>(stage.task, services);
  const std::vector<Example> examples = allowed_problems(run, stage, task);
  synthesis::Injector injector({.kinds = *stage.kinds,
                                .per_kind = stage.per_kind.value_or(1),
                                .pairs_per_prompt = stage.pairs_per_prompt,
                                .seed = services.draws.seed()},
                               source_of(run, stage),
                               [&](const Example& example, const std::string& text) {
                                 return check_answer(run, work, task, example, text);
                               });
  MadePairs out;
  for (const Example& example : examples)
    for (const std::string& line : injector.pairs_of(example)) out.pairs += line + "\n";
  out.result = {{"prompts", examples.size()}};
  const auto counts = injector.counts().json();
  for (const auto& [key, value] : counts.items()) out.result[key] = value;
  run.logger.info(message("stage ", run.label(work), ":\n", injector.counts().table()));
  return out;
}

MadePairs import_answers(const RunContext& run, const Work& work, const SynthesizeStage& stage) {
  const auto task = run.registry.make<AnyTask>(stage.task, run.services(work, nullptr));
  const std::vector<Example> problems = allowed_problems(run, stage, task);
  std::vector<synthesis::PromptAnswers> prompts = synthesis::read_answers(*stage.answers);
  synthesis::ImportCounts counts;
  counts.without_problem = static_cast<std::int64_t>(
      synthesis::match_problems(prompts, problems, message("stage \"", stage.name, "\"")).size());
  const synthesis::PairSource source{
      to_valid_utf8(stage.answers->filename().string()), sha256_file(*stage.answers), {}};
  MadePairs out;
  FailedChecks failed;
  std::size_t answers = 0;
  for (const synthesis::PromptAnswers& prompt : prompts) {
    std::vector<Verdict> verdicts;
    for (const synthesis::GivenAnswer& answer : prompt.answers) {
      verdicts.push_back(check_answer(run, work, task, prompt.example, answer.text));
      failed.note(prompt.example, verdicts.back());
    }
    answers += verdicts.size();
    for (const std::string& line : synthesis::import_pairs(prompt, verdicts, pair_rule(stage),
                                                           source, stage.task.type(), counts))
      out.pairs += line + "\n";
  }
  out.result = counts.json();
  failed.tell(run, work, answers);
  if (counts.without_problem > 0)
    run.logger.warning(message("stage ", run.label(work), ": ", counts.without_problem,
                               " prompts of ", stage.answers->string(),
                               " are none of the task's problems and were left out"));
  return out;
}

}  // namespace lldm
