// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

namespace lldm {

using config::Value;

config::Value SampleKind::defaults() {
  Value table;
  table.set("sampler", component_table("fixed_length"));
  return table;
}

std::vector<std::string> SampleKind::file_defaults(const Value* own) {
  if (own && own->find("prompts")) return {"sampler"};
  return {"sampler", "task"};
}

StageFacts SampleKind::facts(const Options& options) {
  StageFacts facts;
  facts.from = options.from;
  facts.inputs = facts.sampled = {options.from};
  if (!options.task.type().empty()) facts.tasks.push_back(options.task);
  facts.prompts = options.prompts;
  return facts;
}

Result SampleKind::run(const Options& options, const RunContext& run, const Work& work) {
  return run_sampling(options, run, work);
}

}  // namespace lldm
