// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

#include "lldm/config/options_check.hpp"

namespace lldm {

using config::Value;

void SynthesizeStage::check(config::OptionsCheck& check) const {
  if (method == SynthesisMethod::sample && from.empty())
    check.error("from", "method = \"sample\" needs a model that answers",
                "from = \"<an earlier stage>\"");
  if (method == SynthesisMethod::sample && samples_per_prompt < 2)
    check.error("samples_per_prompt", "one answer per prompt makes no pair", "legal: 2 to 1024");
  if (method == SynthesisMethod::inject && !from.empty())
    check.error("from", "method = \"inject\" reads no model", "remove `from`");
  if (method == SynthesisMethod::inject && record_steps)
    check.warning("record_steps", "record_steps has no effect with method = \"inject\"",
                  "nothing is sampled: there is no order to keep");
}

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
  facts.product =
      options.method == SynthesisMethod::sample ? StageProduct::sampled_pairs : StageProduct::pairs;
  facts.from = options.from;
  if (!options.from.empty()) facts.inputs.push_back(options.from);
  if (options.method == SynthesisMethod::sample) facts.sampled.push_back(options.from);
  if (!options.task.type().empty()) facts.items.push_back({options.task, options.limit});
  facts.rows_per_item = options.pairs_per_prompt;
  facts.records_steps = options.method == SynthesisMethod::sample && options.record_steps;
  return facts;
}

}  // namespace lldm
