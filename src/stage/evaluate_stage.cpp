// SPDX-License-Identifier: MIT
// One model of an evaluate stage: generated answers checked by a task, or pairs ranked by their
// scores.
#include <algorithm>
#include <map>

#include "lldm/concepts/any_task.hpp"
#include "lldm/errors.hpp"
#include "lldm/eval/paired_test.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/stage/evaluate_options.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/storage/files.hpp"
#include "stage/generation.hpp"
#include "stage/kinds.hpp"
#include "stage/pair_evaluation.hpp"
#include "stage/prompt_split.hpp"
#include "stage/seen_prompts.hpp"
#include "stage/shared_rows.hpp"

namespace lldm {
namespace {

/// Mean with the interval of its items, and which that is.
void add_mean(Result& metrics, const std::string& name, const std::vector<double>& values,
              const Draws& draws) {
  const ItemMean items = mean_of_items(values, is_share(name), draws.stream(Purpose::bootstrap));
  metrics[name] = items.mean;
  metrics[name + "_interval"] = items.kind;
  if (!items.interval) return;
  metrics[name + "_low"] = items.interval->low;
  metrics[name + "_high"] = items.interval->high;
}

Result evaluate_task(const RunContext& run, const Work& work, const EvaluateStage& stage) {
  const ModelBundle bundle = starting_model(run, work, work.model);
  bundle.model->set_trainable(false);
  const Services services = run.services(work, bundle.tokenizer);
  const auto task = run.registry.make<AnyTask>(stage.task, services);
  const auto sampler = run.registry.make<AnySampler>(stage.sampler, services);
  const std::vector<Example> examples = limited(task.examples(), stage.limit);
  const auto texts = generate(run, work, bundle, sampler, prompts_of(examples), 1, "items");
  if (is_follower(run)) return {};  // answers are checked where they are written
  std::string items;
  std::map<std::string, std::vector<double>> values;
  Result result;
  result["examples"] = Result::array();
  double forwards = 0;
  FailedChecks failed;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const Verdict verdict = check_answer(run, work, task, examples[i], texts[i].text);
    failed.note(examples[i], verdict);
    values["accuracy"].push_back(verdict.is_correct ? 1.0 : 0.0);
    for (const auto& [name, value] : verdict.metrics) values[name].push_back(value);
    forwards += static_cast<double>(texts[i].forwards);
    Result item = {{"id", examples[i].id},
                   {"prompt", examples[i].prompt},
                   {"reference", examples[i].answer},
                   {"output", texts[i].text},
                   {"extracted", verdict.extracted},
                   {"correct", verdict.is_correct},
                   {"metrics", verdict.metrics}};
    if (!verdict.failure.empty()) item["check_failure"] = verdict.failure;
    items += item.dump() + "\n";
    if (static_cast<std::int64_t>(i) < stage.show) result["examples"].push_back(item);
  }
  make_folders(work.folder);
  write_file_atomically(work.folder / "items.jsonl", items);
  failed.tell(run, work, examples.size());
  if (failed.count() > 0) result["failed_checks"] = failed.count();
  for (const auto& [name, list] : values) add_mean(result["metrics"], name, list, services.draws);
  std::vector<std::string> keys;
  for (const Example& example : examples) keys.push_back(prompt_text(example.prompt));
  result["shared_prompts"] = shared_prompts(run, work, keys);
  result["metrics"]["items"] = examples.size();
  result["metrics"]["forwards_per_item"] = forwards / static_cast<double>(examples.size());
  return result;
}

}  // namespace

Result EvaluateKind::run(const Options& stage, const RunContext& run, const Work& work) {
  Result result = stage.task.type().empty() ? evaluate_pairs(run, work, stage)
                                            : evaluate_task(run, work, stage);
  if (is_follower(run)) return {};
  const Result& metrics = result.at("metrics");
  std::string line = message("stage ", run.label(work), ":");
  for (const char* name : {"accuracy", "superfluous_steps", "exact", "preference_accuracy",
                           "reward_accuracy", "nats_per_character"})
    if (metrics.contains(name)) line += message("  ", name, " ", metrics.at(name).get<double>());
  for (const char* name : {"check_timeout", "check_crash", "check_exit", "check_garbage"})
    if (metrics.value(name, 0.0) > 0)
      line += message("  ", name, " ", metrics.at(name).get<double>());
  run.logger.info(line);
  return result;
}

}  // namespace lldm
