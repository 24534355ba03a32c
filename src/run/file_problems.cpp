// SPDX-License-Identifier: MIT
// What can be known of files before anything is trained: file_problems and missing_files of
// run.hpp.
#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "config/path_variables.hpp"
#include "experiment/input_checks.hpp"
#include "experiment/key_readings.hpp"
#include "lldm/data/corpus.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/device.hpp"
#include "lldm/memory/device_profile.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/tokenizer/load.hpp"
#include "model/adapter_targets.hpp"
#include "run/row_form.hpp"
#include "stage/data_source.hpp"

namespace lldm {
namespace {

using config::Member;
using config::Position;
using config::Value;

/// The stages whose files are read when `stage` is asked for.
std::set<std::string> stages_read(const Experiment& experiment, const std::string& stage) {
  std::set<std::string> names;
  bool makes_words = false;
  for (auto it = experiment.stages.rbegin(); it != experiment.stages.rend(); ++it) {
    if (stage != "all" && it->name != stage && !names.contains(it->name)) continue;
    names.insert(it->name);
    for (const std::string& input : it->facts.all_inputs()) names.insert(input);
    makes_words = makes_words || it->facts.trains_new_model();
  }
  // A word vocabulary is made of the words of every file.
  if (makes_words && experiment.options.model.path.empty() &&
      experiment.options.tokenizer.type == TokenizerType::words)
    for (const Stage& other : experiment.stages) names.insert(other.name);
  return names;
}

/// Every file is looked at once, however many cells read it.
struct FileCheck {
  const LoadedExperiment& loaded;
  const Registry& registry;
  std::vector<FileProblem> problems = {};
  std::map<std::tuple<std::string, std::string_view, bool>, FileProblem> known = {};
  std::map<std::string, std::vector<FileProblem>> folders = {};

  void add(const Position& position, const std::string& who, FileProblem problem) {
    if (problem.text.empty()) return;
    problem.text = config::Diagnostic{position, who + problem.text, ""}.text();
    const auto is_same = [&](const FileProblem& other) { return other.text == problem.text; };
    if (std::ranges::none_of(problems, is_same)) problems.push_back(std::move(problem));
  }

  /// Whether `path`, which stands at `position`, names a variable that is not set; told there, so
  /// that a default table is told of once, whichever stages read it.
  bool is_unset(const Position& position, std::string_view key, const std::string& path) {
    const std::string variable = config::unset_variable(path);
    if (variable.empty()) return false;
    add(position, "",
        {.text = message(key, " needs the environment variable ", variable,
                         ", which is not set\n  got ", config::in_quotes(path), "; set it: export ",
                         variable, "=FOLDER"),
         .variable = variable});
    return true;
  }

  static FileProblem corpus_problem(const std::string& path) {
    try {
      static_cast<void>(Corpus(path));
    } catch (const DataError& error) {
      return {error.what(), !std::filesystem::exists(path)};
    }
    return {};
  }

  void source(const Stage& stage, const StageRows& rows) {
    const Value& table = rows.data.resolved;
    if (rows.data.is_generated()) component(stage, Role::task, table, rows.data.task.type());
    if (rows.data.is_corpus()) {
      const Member* corpus = table.find("corpus");
      const std::string path = rows.data.options.corpus.string();
      if (corpus && is_unset(corpus->value.position(), "corpus", path)) return;
      add(stage.position, message("stage \"", stage.name, "\": "), corpus_problem(path));
      return;
    }
    if (rows.data.options.file.empty()) return;
    const std::string path = rows.data.options.file.string();
    if (const Member* file = table.find("file");
        file && is_unset(file->value.position(), "file", path))
      return;
    const bool has_take = rows.data.has_take();
    const auto [at, is_new] = known.try_emplace({path, stage.kind.name(), has_take}, FileProblem{});
    std::error_code ignored;
    if (is_new && !std::filesystem::exists(path, ignored)) {
      at->second = {path + " does not exist", true};
    } else if (is_new) {
      at->second = {row_form_problem(stage, rows), false};
      if (at->second.text.empty()) at->second.text = rows_problem(rows);
    }
    add(stage.position, message("stage \"", stage.name, "\": "), at->second);
  }

  /// The files that a component's table names: a key of type path is one that is read.
  void component(const Stage& stage, Role role, const Value& table, std::string_view type) {
    const auto entry = registry.find(role, type);
    if (!entry) return;
    for (const config::FieldInfo& field : entry->fields) {
      const Member* path = field.type == "path" ? table.find(field.key) : nullptr;
      if (!path || !path->value.is_string() || path->value.as_string().empty() ||
          is_unset(path->value.position(), field.key, path->value.as_string()))
        continue;
      if (!std::filesystem::exists(path->value.as_string()))
        add(stage.position, message("stage \"", stage.name, "\": ", type, " ", field.key, ": "),
            {path->value.as_string() + " does not exist", true});
    }
  }

  void folder(const Position& position, const std::string& who, const std::string& path,
              const TokenizerOptions& options, const std::vector<std::string>& tokenizer_keys) {
    if (is_unset(position, "the model folder", path)) return;
    if (!std::filesystem::is_directory(path)) {
      add(position, who,
          {.text = message("no model folder ", path,
                           "\n  to fetch one from the Hugging Face hub: hf download OWNER/NAME "
                           "--local-dir ",
                           path),
           .advice = "a file whose models or rows are fetched or made first says so: requires"});
      return;
    }
    const auto [at, is_new] = folders.try_emplace(path);
    if (is_new)
      at->second = folder_problems(path, options, tokenizer_keys,
                                   loaded.document.root.find("template") != nullptr);
    for (const FileProblem& problem : at->second) add(position, who, problem);
  }

  void stage(const Experiment& experiment, const Stage& stage) {
    const std::string who = message("stage \"", stage.name, "\": ");
    for (const std::string& input : stage.facts.all_inputs())
      if (input.find('/') != std::string::npos) folder(stage.position, who, input, {}, {});
    for (const StageRows& rows : stage.facts.rows) source(stage, rows);
    // [model] is of the folder that a stage starts with, unless an earlier stage makes its model.
    if (stage.facts.training && stage.facts.from.find('/') != std::string::npos &&
        !makes_model(experiment))
      sizes(experiment.options.model, loaded.document.root.find("model"), stage.facts.from);
    if (stage.facts.trains_new_model()) start(experiment);
    if (const Member* task = stage.resolved.find("task"))
      component(stage, Role::task, task->value,
                task->value.is_string() ? task->value.as_string() : task->value.text_of("type"));
  }

  /// Keys of [model] that the config.json of `folder` contradicts, and targets of its adapter that
  /// name no matrix there.
  void sizes(const ModelOptions& options, const Member* model,
             const std::filesystem::path& folder) {
    if (!std::filesystem::exists(folder / "config.json")) return;
    try {
      check_given_sizes(options, model ? &model->value : nullptr, folder);
      if (options.adapter.type == AdapterType::lora)
        static_cast<void>(
            adapted_matrices(load_model_config(folder), lora_options(options.adapter)));
    } catch (const ConfigError& error) {
      add(model ? model->position : Position(), "", {.text = error.what(), .is_missing = false});
    } catch (const DataError&) {  // told of the folder
    }
  }

  /// The device profile that plans go by.
  void profile(const Experiment& experiment) {
    const std::string& named = experiment.options.memory.profile;
    if (named.empty()) return;
    const Member* memory = loaded.document.root.find("memory");
    const Member* key =
        memory && memory->value.is_table() ? memory->value.find("profile") : nullptr;
    try {
      const DeviceProfile profile = find_profile(named);
      const std::string& wish = experiment.options.device;
      if (wish != "auto" && device_kind(wish) != profile.kind)
        throw ConfigError(message("[memory] profile ", config::in_quotes(named), " is of ",
                                  profile.kind, ", the file computes on ", config::in_quotes(wish),
                                  "\n  plans and open choices go by the device that computes"));
    } catch (const ConfigError& error) {
      add(key ? key->value.position() : Position(), "", {.text = error.what()});
    }
  }

  /// What a stage without `from` starts with: the folder of [model], or a tokenizer's file.
  void start(const Experiment& experiment) {
    const Member* table = loaded.document.root.find("tokenizer");
    const TokenizerOptions& tokenizer = experiment.options.tokenizer;
    std::vector<std::string> keys;
    if (table && table->value.is_table())
      for (const Member& member : table->value.as_table()) keys.push_back(member.key);
    if (!experiment.options.model.path.empty()) {
      const Member* model = loaded.document.root.find("model");
      folder(model ? model->position : Position(),
             "[model] path: ", experiment.options.model.path.string(), tokenizer, keys);
      sizes(experiment.options.model, model, experiment.options.model.path);
    } else if (!tokenizer.path.empty()) {
      const Position position = table ? table->position : Position();
      if (is_unset(position, "path", tokenizer.path.string())) return;
      if (!std::filesystem::exists(tokenizer.path))
        add(position, "[tokenizer] path: ", {tokenizer.path.string() + " does not exist", true});
      else if (const auto [at, is_new] = folders.try_emplace("[tokenizer]"); is_new)
        try {
          check_special(*make_tokenizer(tokenizer), {});
        } catch (const Error& error) {
          add(position, "", {error.what(), false});
        }
    }
  }
};

}  // namespace

std::vector<FileProblem> file_problems(const LoadedExperiment& loaded, const Registry& registry,
                                       const std::string& stage) {
  FileCheck check{loaded, registry};
  for (const Experiment& experiment : loaded.experiments) {
    check.profile(experiment);
    const std::set<std::string> read = stages_read(experiment, stage);
    for (const Stage& one : experiment.stages)
      if (read.contains(one.name)) check.stage(experiment, one);
  }
  return std::move(check.problems);
}

std::vector<std::string> missing_files(const LoadedExperiment& loaded, const Registry& registry,
                                       const std::string& stage) {
  std::vector<std::string> lines;
  for (const FileProblem& problem : file_problems(loaded, registry, stage))
    lines.push_back(problem.text + (problem.advice.empty() ? "" : "\n  " + problem.advice));
  return lines;
}

}  // namespace lldm
