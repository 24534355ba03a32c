// SPDX-License-Identifier: MIT
// One model of an evaluate stage: generated answers checked by a task, or pairs ranked by their
// scores.
#include <algorithm>
#include <map>

#include "lldm/concepts/any_task.hpp"
#include "lldm/errors.hpp"
#include "lldm/eval/statistics.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/stage_options.hpp"
#include "lldm/storage/files.hpp"
#include "stage/generation.hpp"
#include "stage/pair_evaluation.hpp"

namespace lldm {
namespace {

/// Mean with its bootstrap interval over items.
void add_mean(Result& metrics, const std::string& name, const std::vector<double>& values,
              const Draws& draws) {
  const Interval interval = bootstrap_mean(values, draws.stream(Purpose::bootstrap));
  metrics[name] = mean(values);
  metrics[name + "_low"] = interval.low;
  metrics[name + "_high"] = interval.high;
}

Result evaluate_task(const RunContext& run, const Work& work, const EvaluateStage& stage) {
  const ModelBundle bundle = starting_model(run, work, work.model);
  bundle.model->set_trainable(false);
  const Services services = run.services(work, bundle.tokenizer);
  const auto task = run.registry.make<AnyTask>(stage.task, services);
  const auto sampler = run.registry.make<AnySampler>(stage.sampler, services);
  const std::vector<Example> examples = limited(task.examples(), stage.limit);
  std::vector<std::string> prompts;
  for (const Example& example : examples) prompts.push_back(example.prompt);
  const auto texts = generate(run, work, bundle, sampler, prompts, 1, "items");
  std::string items;
  std::map<std::string, std::vector<double>> values;
  Result result;
  result["examples"] = Result::array();
  double forwards = 0;
  for (std::size_t i = 0; i < examples.size(); ++i) {
    const Verdict verdict = task.check(examples[i], texts[i].text);
    values["accuracy"].push_back(verdict.is_correct ? 1.0 : 0.0);
    for (const auto& [name, value] : verdict.metrics) values[name].push_back(value);
    forwards += static_cast<double>(texts[i].forwards);
    const Result item = {{"id", examples[i].id},
                         {"prompt", examples[i].prompt},
                         {"reference", examples[i].answer},
                         {"output", texts[i].text},
                         {"extracted", verdict.extracted},
                         {"correct", verdict.is_correct},
                         {"metrics", verdict.metrics}};
    items += item.dump() + "\n";
    if (static_cast<std::int64_t>(i) < stage.show) result["examples"].push_back(item);
  }
  write_file_atomically(work.folder / "items.jsonl", items);
  for (const auto& [name, list] : values) add_mean(result["metrics"], name, list, services.draws);
  result["metrics"]["items"] = examples.size();
  result["metrics"]["forwards_per_item"] = forwards / static_cast<double>(examples.size());
  return result;
}

}  // namespace

Result run_evaluation(const EvaluateStage& stage, const RunContext& run, const Work& work) {
  make_folders(work.folder);
  Result result = stage.task.type().empty() ? evaluate_pairs(run, work, stage)
                                            : evaluate_task(run, work, stage);
  const Result& metrics = result.at("metrics");
  std::string line = message("stage ", run.label(work), ":");
  for (const char* name :
       {"accuracy", "superfluous_steps", "exact", "preference_accuracy", "nats_per_character"})
    if (metrics.contains(name)) line += message("  ", name, " ", metrics.at(name).get<double>());
  run.logger.info(line);
  return result;
}

}  // namespace lldm
