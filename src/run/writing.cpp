// SPDX-License-Identifier: MIT
#include "run/writing.hpp"

#include "experiment/key_readings.hpp"
#include "lldm/concepts/any_objective.hpp"
#include "lldm/errors.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/tokenizer/load.hpp"

namespace lldm {

std::int64_t group_size_of(const PlannedRun& run, const Work& work) {
  const StageFacts& facts = run.schedule.stage_of(work).facts;
  if (!facts.training) return 2;
  return run.registry.make<AnyObjective>(facts.training->objective, run.services(work, {}))
      .needs()
      .group_size;
}

std::string start_of(const PlannedRun& run, const Work& work) {
  return work.model.empty() ? run.schedule.stage_of(work).facts.from : work.model;
}

const Writing& Writings::fresh(const Work& work) {
  if (const auto found = fresh_.find(work.hash); found != fresh_.end()) return found->second;
  const ExperimentOptions& options = run_.experiment(work).options;
  const bool needs_words = options.tokenizer.type == TokenizerType::words;
  Writing made{make_tokenizer(options.tokenizer,
                              needs_words ? vocabulary_of(run_, work) : std::vector<std::string>()),
               options.prompt_template,
               options.model.max_length > 0 ? options.model.max_length : kFreshMaxLength};
  return fresh_.emplace(work.hash, std::move(made)).first->second;
}

bool Writings::is_known(const Work& work) const {
  const std::string from = start_of(run_, work);
  const auto made = work.inputs.find(from);
  if (made != work.inputs.end() &&
      !std::filesystem::exists(model_folder_of(run_, work, from) / "config.json"))
    return is_known(run_.schedule.work[made->second]);
  const ExperimentOptions& options = run_.experiment(work).options;
  const StageFacts& facts = run_.schedule.stage_of(work).facts;
  if (!from.empty() || !options.model.path.empty() || facts.rows.empty() ||
      options.tokenizer.type != TokenizerType::words || !options.tokenizer.path.empty())
    return true;
  const auto rows = work.inputs.find(facts.rows.front().data.options.stage);
  return rows == work.inputs.end() || is_done(run_.schedule.work[rows->second]);
}

Writing Writings::of(const Work& work) {
  return of(work, run_.schedule.stage_of(work).facts.training.has_value());
}

Writing Writings::of(const Work& work, bool is_training) {
  const std::string from = start_of(run_, work);
  const std::filesystem::path folder =
      from.empty() ? run_.experiment(work).options.model.path : model_folder_of(run_, work, from);
  if (!folder.empty() && std::filesystem::exists(folder / "config.json"))
    return {folder_tokenizer(run_, work, from, folder),
            is_training ? training_template(run_, work, folder) : template_of(run_, work, folder),
            load_model_shape(folder, length_limit(run_.experiment(work))).max_length};
  if (const auto made = work.inputs.find(from); made != work.inputs.end()) {
    Writing writing = of(run_.schedule.work[made->second], true);
    if (is_training && run_.schedule.cells[work.cells.front()].root.find("template"))
      writing.prompt_template = run_.experiment(work).options.prompt_template;
    return writing;
  }
  if (folder.empty()) return fresh(work);
  throw DataError(message("no model folder ", folder.string()));
}

}  // namespace lldm
