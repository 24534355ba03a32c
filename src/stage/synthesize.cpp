// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

namespace lldm {

using config::Value;

config::Value SynthesizeKind::defaults() {
  Value table;
  table.set("sampler", component_table("fixed_length"));
  return table;
}

std::vector<std::string> SynthesizeKind::file_defaults(const Value* own) {
  if (own && own->text_of("method") == "inject") return {"task"};
  return {"sampler", "task"};
}

std::vector<UnreadKey> SynthesizeKind::unread(const Value& own) {
  if (own.text_of("method") != "inject") return {};
  return {{"sampler", "method = \"inject\" samples nothing"}};
}

StageFacts SynthesizeKind::facts(const Options& options) {
  StageFacts facts;
  facts.from = options.from;
  if (!options.from.empty()) facts.inputs.push_back(options.from);
  if (options.method == SynthesisMethod::sample) facts.sampled.push_back(options.from);
  if (!options.task.type().empty()) facts.tasks.push_back(options.task);
  facts.records_steps = options.method == SynthesisMethod::sample && options.record_steps;
  return facts;
}

Result SynthesizeKind::run(const Options& options, const RunContext& run, const Work& work) {
  return run_synthesis(options, run, work);
}

}  // namespace lldm
