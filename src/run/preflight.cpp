// SPDX-License-Identifier: MIT
// What can be known to fail before anything is trained: check_fit and missing_files of run.hpp.

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "lldm/config/diagnostics.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/stage_fit.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/services.hpp"
#include "run/process_fit.hpp"

namespace lldm {
namespace {

using config::Diagnostics;
using config::Member;
using config::Position;
using config::Value;

struct RowsRule {
  RowsWanted wanted;
  std::vector<RowForm> forms;
  const char* text;
};
const std::vector<RowsRule>& rows_rules() {
  static const std::vector<RowsRule> rules = {
      {RowsWanted::texts, {RowForm::text}, "text"},
      {RowsWanted::answers,
       {RowForm::prompt_response, RowForm::conversation},
       "prompt and response, or conversations"},
      {RowsWanted::pairs,
       {RowForm::preference},
       "prompt, chosen and rejected, or prompt and answers"},
      {RowsWanted::pairs_or_ranked,
       {RowForm::preference, RowForm::ranked},
       "prompt, chosen and rejected, or prompt and answers"}};
  return rules;
}

/// Whether the first row of a file is of a form that such a stage reads; else what is wrong.
std::string form_problem(const std::filesystem::path& file, const Stage& stage) {
  RowForm form;
  try {
    form = detect_row_form(file.string());
  } catch (const Error& error) {
    return error.what();
  }
  for (const RowsRule& rule : rows_rules()) {
    if (rule.wanted != stage.facts.rows->wanted) continue;
    if (std::find(rule.forms.begin(), rule.forms.end(), form) != rule.forms.end()) return "";
    return message(file.string(), ": rows are of form \"", row_form_name(form), "\", a ",
                   stage.kind.name(), " stage reads ", rule.text);
  }
  return "";
}

/// The last two parts of a path: the hub's name, where the path was meant as one.
std::string hub_name(const std::filesystem::path& path) {
  return (path.parent_path().filename() / path.filename()).generic_string();
}

void check_stage_fit(const LoadedExperiment& loaded, const Registry& registry,
                     Diagnostics& diagnostics) {
  MemoryManager memory;
  const Services services{.registry = registry,
                          .memory = memory,
                          .logger = null_logger(),
                          .draws = Draws(0, "preflight"),
                          .tokenizer = nullptr};
  static const std::array<std::string, 3> devices = {"cpu", "cuda", "auto"};
  const ExperimentOptions& file = loaded.experiments.front().options;
  if (std::find(devices.begin(), devices.end(), file.device) == devices.end()) {
    const Member* member = loaded.document.root.find("device");
    diagnostics.error(member ? member->position : Position(),
                      message("the file: no device is named \"", file.device, "\""),
                      config::did_you_mean(file.device, devices, "devices"));
  }
  for (std::size_t c = 0; c < loaded.cells.size(); ++c) {
    const Member* tables = loaded.cells[c].root.find("stage");
    const Experiment& experiment = loaded.experiments[c];
    check_process_fit(experiment, tables ? &tables->value : nullptr, registry, diagnostics);
    for (std::size_t s = 0; s < experiment.stages.size(); ++s) {
      const Stage& stage = experiment.stages[s];
      StageFit fit(experiment, stage, tables ? &tables->value.as_array()[s] : nullptr, registry,
                   services, diagnostics);
      stage.kind.check(stage.options.get(), fit);
    }
  }
}

/// The stages whose files are read when `stage` is asked for.
std::set<std::string> stages_read(const Experiment& experiment, const std::string& stage) {
  std::set<std::string> names;
  bool makes_words = false;
  for (auto it = experiment.stages.rbegin(); it != experiment.stages.rend(); ++it) {
    if (stage != "all" && it->name != stage && !names.contains(it->name)) continue;
    names.insert(it->name);
    for (const std::string& input : it->facts.inputs) names.insert(input);
    makes_words = makes_words || (it->facts.training && it->facts.training->from.empty());
  }
  // A word vocabulary is made of the words of every file.
  if (makes_words && experiment.options.model.path.empty() &&
      experiment.options.tokenizer.type == TokenizerType::words)
    for (const Stage& other : experiment.stages) names.insert(other.name);
  return names;
}

/// Every file is looked at once, however many cells read it.
struct FileCheck {
  Diagnostics& diagnostics;
  std::map<std::pair<std::string, RowsWanted>, std::string> known = {};

  void rows(const Stage& stage) {
    if (!stage.facts.rows || stage.facts.rows->data.options.file.empty()) return;
    const std::string path = stage.facts.rows->data.options.file.string();
    const auto [at, is_new] = known.try_emplace({path, stage.facts.rows->wanted}, "");
    if (is_new)
      at->second =
          std::filesystem::exists(path) ? form_problem(path, stage) : path + " does not exist";
    if (!at->second.empty())
      diagnostics.error(stage.position, message("stage \"", stage.name, "\": ", at->second), "");
  }

  void stage(const Stage& stage) {
    for (const std::string& input : stage.facts.inputs)
      if (input.find('/') != std::string::npos && !std::filesystem::is_directory(input))
        diagnostics.error(stage.position,
                          message("stage \"", stage.name, "\": no model folder ", input),
                          message("to fetch it from the Hugging Face hub: hf download ",
                                  hub_name(input), " --local-dir ", input));
    rows(stage);
  }
};

}  // namespace

std::vector<std::string> missing_files(const LoadedExperiment& loaded, const std::string& stage) {
  Diagnostics diagnostics;
  FileCheck check{diagnostics};
  for (const Experiment& experiment : loaded.experiments) {
    const std::set<std::string> read = stages_read(experiment, stage);
    for (const Stage& one : experiment.stages)
      if (read.contains(one.name)) check.stage(one);
  }
  std::vector<std::string> lines;
  for (const config::Diagnostic& error : diagnostics.errors()) lines.push_back(error.text());
  return lines;
}

void check_fit(const LoadedExperiment& loaded, const Registry& registry) {
  Diagnostics diagnostics;
  check_stage_fit(loaded, registry, diagnostics);
  diagnostics.throw_if_any();
}

}  // namespace lldm
