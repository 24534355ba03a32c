// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

#include "lldm/config/options_check.hpp"

namespace lldm {

using config::Value;

void SampleStage::check(config::OptionsCheck& check) const {
  if (prompts.empty() == task.type().empty())
    check.error("prompts", "a sample stage needs prompts or a task, exactly one of them",
                "prompts = [\"...\"], or task = { type = ... }");
  if (limit > 0 && !prompts.empty())
    check.warning("limit", "limit has no effect beside `prompts`",
                  "it is how many prompts of a task are used");
}

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
  facts.product = StageProduct::none;
  facts.adapter = AdapterUse::none;
  facts.from = options.from;
  facts.inputs = facts.sampled = {options.from};
  if (!options.task.type().empty()) facts.items.push_back({options.task, options.limit});
  facts.prompts = options.prompts;
  return facts;
}

}  // namespace lldm
