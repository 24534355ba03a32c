// SPDX-License-Identifier: MIT
#include "run/check_texts.hpp"

#include <set>

#include "experiment/prompts.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "run/sampler_canvas.hpp"
#include "run/writing.hpp"
#include "stage/corpus_rows.hpp"
#include "stage/generation.hpp"
#include "stage/mask_in_data.hpp"
#include "stage/prompt_split.hpp"

namespace lldm {
namespace {

class TextCheck {
 public:
  explicit TextCheck(const PlannedRun& run) : run_(run), writings_(run) {}

  void look(const Work& work) {
    if (!writings_.is_known(work)) return;
    const Stage& stage = run_.schedule.stage_of(work);
    for (const StageRows& rows : stage.facts.rows)
      if (rows.data.options.stage.empty() && is_new(work, config::to_toml(rows.data.resolved)))
        tried(stage, [&] { look_at_rows(work, stage, rows); });
    if (stage.facts.sampled.empty()) return;
    for (const StageItems& items : stage.facts.items)
      if (is_new(work, config::to_toml(items.task.table)))
        tried(stage, [&] {
          const auto task = run_.registry.make<AnyTask>(items.task, run_.services(work, nullptr));
          look_at_prompts(work, stage, prompts_of(limited(task.examples(), items.limit)));
        });
    if (!stage.facts.prompts.empty() && is_new(work, "prompts"))
      tried(stage, [&] { look_at_prompts(work, stage, prompts_of(stage.facts.prompts)); });
  }

  [[nodiscard]] const std::string& problems() const { return problems_; }

 private:
  /// Whether no work was looked at that reads the same texts for the same model and canvas.
  bool is_new(const Work& work, const std::string& source) {
    std::string key = message(work.stage, "\n", source, "\n", start_of(run_, work), "\n");
    const auto add = [&key](const config::Value& table, const char* name) {
      const config::Member* member = table.find(name);
      key += (member ? config::to_toml(member->value) : "") + "\n";
    };
    for (const char* table : {"model", "tokenizer", "template"})
      add(run_.schedule.cells[work.cells.front()].root, table);
    for (const char* name : {"response_length", "score_padding", "long_rows", "prompt_boundary",
                             "objective", "sampler", "limit", "validation_rows"})
      add(run_.schedule.stage_of(work).resolved, name);
    for (const auto& [stage, words] : run_.experiment(work).words) key += stage + words + "\n";
    return seen_.insert(key).second;
  }

  template <class Look>
  void tried(const Stage& stage, const Look& look) {
    try {
      look();
    } catch (const Error& error) {
      const std::string who = message("stage \"", stage.name, "\": "), text = error.what();
      problems_ += message(
          problems_.empty() ? "" : "\n",
          config::Diagnostic{stage.position, (text.starts_with(who) ? "" : who) + text, ""}.text());
    }
  }

  void look_at_rows(const Work& work, const Stage& stage, const StageRows& rows) {
    if (rows.data.is_corpus()) {
      const bool holds_out = stage.facts.training && rows.key == "data";
      static_cast<void>(open_corpus(rows.data.options, writings_.of(work),
                                    holds_out ? stage.facts.training->validation_rows : 0,
                                    work.seed));
      return;
    }
    EncodedRows read = read_encoded(run_, null_logger(), work, rows, group_size_of(run_, work),
                                    writings_.of(work));
    if (stage.facts.training && rows.key == "data" && stage.facts.training->validation_rows > 0)
      static_cast<void>(hold_out_prompts(read.sources, read.rows,
                                         stage.facts.training->validation_rows, work.seed,
                                         rows.wanted == RowsWanted::texts, stage.name));
  }

  void look_at_prompts(const Work& work, const Stage& stage, const std::vector<Prompt>& prompts) {
    const Writing writing = writings_.of(work);
    const std::string who = message("stage \"", stage.name, "\"");
    std::vector<std::string> texts;
    for (const Prompt& prompt : prompts) texts.push_back(prompt.text);
    refuse_mask_text(texts, who, *writing.tokenizer);
    const auto canvas = sampler_canvas(stage.resolved, run_.services(work, nullptr));
    static_cast<void>(encode_prompts(
        prompts, writing.prompt_template, *writing.tokenizer,
        {.max_length = writing.max_length, .response_length = canvas.value_or(1)}, who));
  }

  PlannedRun run_;
  Writings writings_;
  std::set<std::string> seen_;
  std::string problems_;
};

}  // namespace

void check_texts(const RunSchedule& schedule, const std::vector<bool>& needed,
                 const Registry& registry) {
  TextCheck check({schedule, registry});
  for (std::size_t w = 0; w < schedule.work.size(); ++w)
    if (needed[w] && !is_done(schedule.work[w])) check.look(schedule.work[w]);
  if (!check.problems().empty()) throw DataError(check.problems());
}

}  // namespace lldm
