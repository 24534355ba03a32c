// SPDX-License-Identifier: MIT
#include "stage/kinds.hpp"

#include "lldm/config/options_check.hpp"
#include "lldm/errors.hpp"

namespace lldm {

using config::Value;

namespace {
bool makes_no_sample(const Value& own) {
  return own.text_of("method") == "inject" || own.text_of("method") == "import";
}
}  // namespace

void SynthesizeStage::check(config::OptionsCheck& check) const {
  if (method == SynthesisMethod::sample && from.empty())
    check.error("from", "method = \"sample\" needs a model that answers",
                "from = \"<an earlier stage>\"");
  if (method == SynthesisMethod::sample && samples_per_prompt < 2)
    check.error("samples_per_prompt", "one answer per prompt makes no pair", "legal: 2 to 1024");
  const char* name = method == SynthesisMethod::inject ? "inject" : "import";
  if (method != SynthesisMethod::sample && !from.empty())
    check.error("from", message("method = \"", name, "\" reads no model"), "remove `from`");
  if (method != SynthesisMethod::sample && record_steps)
    check.warning("record_steps",
                  message("record_steps has no effect with method = \"", name, "\""),
                  "nothing is sampled: there is no order to keep");
  if (benchmarks && allow_benchmarks.value_or(false))
    check.error("benchmarks", "allow_benchmarks lets through what these sets would refuse",
                "give one of them");
  check_import(check);
  check_kinds(check);
}

void SynthesizeStage::check_import(config::OptionsCheck& check) const {
  const bool is_import = method == SynthesisMethod::imported;
  if (is_import && !answers)
    check.error("answers", "method = \"import\" needs a file of answers",
                "answers = \"answers.jsonl\"");
  if (!is_import && answers)
    check.error("answers", "answers is not read here", "it belongs to method = \"import\"");
  if (method == SynthesisMethod::inject)
    for (const auto& [key, is_given] : {std::pair{"pair_by", pair_by.has_value()},
                                        {"correct_share_min", correct_share_min.has_value()},
                                        {"correct_share_max", correct_share_max.has_value()}})
      if (is_given)
        check.error(key, message(key, " is not read by method = \"inject\""),
                    "it belongs to sample and import: answers that are judged");
  if (correct_share_min.value_or(0.0) > correct_share_max.value_or(1.0))
    check.error("correct_share_min", "correct_share_min is above correct_share_max",
                "no prompt is in between");
}

void SynthesizeStage::check_kinds(config::OptionsCheck& check) const {
  if (kinds && method != SynthesisMethod::inject)
    check.error("kinds", "kinds is not read here", "it belongs to method = \"inject\"");
  if (kinds && kinds->empty())
    check.error("kinds", "kinds names no kind of error", "kinds = [\"operation\", \"off_by_one\"]");
  if (per_kind && !kinds)
    check.error("per_kind", "per_kind is not read without kinds", "give kinds");
  if (kinds && samples_per_prompt != SynthesizeStage{}.samples_per_prompt)
    check.warning("samples_per_prompt", "samples_per_prompt has no effect with kinds",
                  "per_kind says how many pairs of each");
}

config::Value SynthesizeKind::defaults() {
  Value table;
  table.set("sampler", component_table("fixed_length"));
  return table;
}

std::vector<std::string> SynthesizeKind::file_defaults(const Value* own) {
  if (own && makes_no_sample(*own)) return {"task"};
  return {"sampler", "task"};
}

std::vector<UnreadKey> SynthesizeKind::unread(const Value& own) {
  if (!makes_no_sample(own)) return {};
  return {{"sampler", own.text_of("method") == "inject" ? "method = \"inject\" samples nothing"
                                                        : "method = \"import\" samples nothing"}};
}

StageFacts SynthesizeKind::facts(const Options& options) {
  StageFacts facts;
  facts.product =
      options.method == SynthesisMethod::sample ? StageProduct::sampled_pairs : StageProduct::pairs;
  facts.adapter = AdapterUse::none;
  facts.from = options.from;
  if (!options.from.empty()) facts.inputs.push_back(options.from);
  if (options.method == SynthesisMethod::sample) facts.sampled.push_back(options.from);
  if (!options.task.type().empty()) facts.items.push_back({options.task, options.limit});
  facts.rows_per_item = options.pairs_per_prompt;
  facts.records_steps = options.method == SynthesisMethod::sample && options.record_steps;
  return facts;
}

}  // namespace lldm
