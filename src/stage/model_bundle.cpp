// SPDX-License-Identifier: MIT
#include "lldm/stage/model_bundle.hpp"

#include <nlohmann/json.hpp>

#include "data/begin_of_text.hpp"
#include "experiment/input_checks.hpp"
#include "experiment/key_readings.hpp"
#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/data/chat_template.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/published_folder.hpp"
#include "lldm/tokenizer/load.hpp"
#include "model/processor.hpp"
#include "stage/data_source.hpp"
#include "storage/sealed_folder.hpp"

namespace lldm {

std::filesystem::path PlannedRun::folder_of(const Work& work, const std::string& name) const {
  if (const auto found = work.inputs.find(name); found != work.inputs.end())
    return schedule.work[found->second].folder;
  return name;
}

std::string RunContext::label(const Work& work) const {
  return std::filesystem::relative(work.folder, options.out).generic_string();
}

bool is_checkpoint_of(const std::filesystem::path& checkpoint, const std::filesystem::path& work) {
  if (checkpoint.empty()) return false;
  const auto folder = std::filesystem::weakly_canonical(checkpoint);
  return folder.parent_path() == std::filesystem::weakly_canonical(work / "checkpoints");
}

std::filesystem::path model_folder_of(const PlannedRun& run, const Work& work,
                                      const std::string& name) {
  return work.inputs.contains(name) ? run.folder_of(work, name) / "model"
                                    : std::filesystem::path(name);
}

namespace {

ModelTokens tokens_of(const Tokenizer& tokenizer) {
  const SpecialTokens& special = tokenizer.special();
  const auto known = [](std::int64_t id) {
    return id >= 0 ? std::optional<std::int64_t>(id) : std::nullopt;
  };
  return {tokenizer.vocabulary_size(), known(special.mask), known(special.end_of_text),
          known(special.padding)};
}

}  // namespace

namespace {

const config::Value* file_table(const PlannedRun& run, const Work& work, std::string_view key) {
  const config::Member* member = run.schedule.cells[work.cells.front()].root.find(key);
  return member && member->value.is_table() ? &member->value : nullptr;
}

/// Says once how a folder's prompts are written where it does not say so itself, and who writes
/// their begin-of-text token.
void note_template(const RunContext& run, const Work& work, const ModelBundle& bundle) {
  if (!work.inputs.empty() || bundle.folder.empty()) return;
  const std::string folder = bundle.folder.string();
  if (!file_table(run, work, "template") &&
      !std::filesystem::exists(bundle.folder / "template.toml") &&
      read_chat_template(bundle.folder).source.empty())
    run.logger.info(message(folder,
                            ": has no template.toml and no chat template: prompts are written "
                            "plain, [template] names another"));
  const BeginOfText begin =
      begin_of_text(*bundle.tokenizer, training_template(run, work, bundle.folder));
  const std::string note = begin_of_text_note(begin);
  if (note.empty()) return;
  if (begin.is_written)
    run.logger.info(message(folder, ": ", note));
  else
    run.logger.warning(message(folder, ": ", note));
}

/// An adapter says what its base says only beside weights that are held as they were.
void note_other_storage(const RunContext& run, const ModelBundle& bundle) {
  if (!is_adapter_folder(bundle.folder)) return;
  const Precision trained = trained_precision(bundle.folder), now = bundle.model->precision();
  if (trained.storage != now.storage || trained.compute != now.compute)
    run.logger.warning(message(bundle.folder.string(),
                               ": this adapter was trained beside weights in another [model] dtype "
                               "or storage (",
                               kAdapterBaseName, "): its numbers are others here"));
}

/// Whether the mask token is in the softmax is the folder's to say: it decides every score.
void settle_mask_logit(const RunContext& run, const Work& work, const std::string& folder,
                       const ModelBundle& bundle) {
  const bool is_asked = run.experiment(work).options.model.exclude_mask_logit;
  const bool is_excluded = bundle.model->excluded_logit().has_value();
  const config::Member* model = run.schedule.cells[work.cells.front()].root.find("model");
  const bool is_named = model && model->value.find("exclude_mask_logit");
  if (is_excluded && is_named && !is_asked)
    throw ConfigError(message("[model] exclude_mask_logit = false, but ", folder,
                              " was trained with true (its config.json)\n  leave the key out"));
  if (!is_asked || is_excluded) return;
  if (!folder.empty())
    run.logger.warning(message("[model] exclude_mask_logit = true, which the config.json of ",
                               folder, " does not say: the mask token is taken out from here on"));
  bundle.model->exclude_logit(bundle.tokenizer->special().mask);
}

}  // namespace

std::shared_ptr<const Tokenizer> folder_tokenizer(const PlannedRun& run, const Work& work,
                                                  const std::string& from,
                                                  const std::filesystem::path& folder) {
  const config::Value* table = from.empty() ? file_table(run, work, "tokenizer") : nullptr;
  if (!table) return load_tokenizer(folder);
  std::vector<std::string> given;
  for (const config::Member& member : table->as_table()) given.push_back(member.key);
  return load_tokenizer(folder, run.experiment(work).options.tokenizer, given);
}

WeightPlacement frozen_placement(const MemoryOptions& memory) {
  return {memory.frozen_weights, memory.streamed_blocks};
}

ModelBundle starting_model(const RunContext& run, const Work& work, const std::string& from,
                           WeightUse use) {
  const ExperimentOptions& options = run.experiment(work).options;
  const PurposeScope scope(MemoryPurpose::weights);
  const at::Device device(run.device);
  if (const std::string note = emulation_note(precision_of(options.model), device); !note.empty())
    run.logger.warning("[model] " + note);
  const bool is_drawn = run.options.draws_inputs && work.inputs.contains(from);
  const std::string folder = from.empty() || is_drawn ? options.model.path.string()
                                                      : model_folder_of(run, work, from).string();
  ModelBundle bundle;
  if (!folder.empty()) {
    if (from.empty() || (!work.inputs.contains(from) && !makes_model(run.experiment(work))))
      check_given_sizes(options.model, file_table(run, work, "model"), folder);
    if (work.inputs.contains(from) && !is_drawn && !has_manifest(folder))
      throw DataError(message(folder, ": ", kManifestName, " is missing\n  stage \"", from,
                              "\" wrote it; to do that stage again, remove its folder"));
    bundle.model =
        load_model(folder, {.precision = precision_of(options.model),
                            .device = device,
                            .max_length = length_limit(run.experiment(work)),
                            .reading = options.memory.weights,
                            .placement = use == WeightUse::frozen ? frozen_placement(options.memory)
                                                                  : WeightPlacement()});
    bundle.model->set_recomputation(options.model.recomputation);
    bundle.tokenizer = folder_tokenizer(run, work, from, folder);
    bundle.folder = folder;
    bundle.noise = saved_noise(folder);
    note_template(run, work, bundle);
    note_other_storage(run, bundle);
  } else {
    // Only words are made of the data, which a later stage's file may not be yet.
    const bool needs_words = options.tokenizer.type == TokenizerType::words;
    bundle.tokenizer = make_tokenizer(
        options.tokenizer, needs_words ? vocabulary_of(run, work) : std::vector<std::string>());
    bundle.model = make_model(options.model, tokens_of(*bundle.tokenizer),
                              Draws(static_cast<std::uint64_t>(work.seed), work.stage), device);
  }
  check_special(*bundle.tokenizer, folder);
  if (bundle.tokenizer->vocabulary_size() > bundle.model->vocabulary_size())
    throw DataError(message(folder, ": the tokenizer has ", bundle.tokenizer->vocabulary_size(),
                            " ids, the model ", bundle.model->vocabulary_size()));
  settle_mask_logit(run, work, folder, bundle);
  return bundle;
}

void publish_model(const std::filesystem::path& folder, const ModelBundle& bundle,
                   const TemplateOptions& prompt_template) {
  PublishedFolder published(folder, IfPublished::replace);
  const SpecialTokens& special = bundle.tokenizer->special();
  bundle.model->note_tokens(special.mask, special.end_of_text, special.padding);
  if (bundle.base) {
    bundle.model->save_adapter(published.path(), bundle.base->folder.string());
    published.add(kAdapterBaseName, adapter_base_json(*bundle.base, folder));
  } else {
    bundle.model->save(published.path());
  }
  bundle.tokenizer->save(published.path());
  published.add("template.toml", config::write_toml(config::write_options(prompt_template)));
  if (!bundle.noise.is_plain())
    published.add("forward_process.toml", config::write_toml(config::write_options(bundle.noise)));
  published.publish();
}

namespace {

std::optional<TemplateOptions> template_file(const std::filesystem::path& model_folder) {
  const auto file = model_folder / "template.toml";
  if (model_folder.empty() || !std::filesystem::exists(file)) return std::nullopt;
  config::Diagnostics diagnostics;
  const config::Value table =
      config::parse(read_sealed(file), {file.string(), model_folder}, diagnostics);
  auto options = config::read_options<TemplateOptions>(table, diagnostics, "template");
  diagnostics.throw_if_any();
  return options;
}

}  // namespace

std::optional<TemplateOptions> saved_template(const std::filesystem::path& model_folder) {
  if (auto options = template_file(model_folder)) return options;
  return model_folder.empty() ? std::nullopt : known_chat_template(model_folder);
}

TemplateOptions agreed_template(const std::filesystem::path& model_folder,
                                const TemplateOptions* asked) {
  if (!asked) return saved_template(model_folder).value_or(TemplateOptions());
  const std::optional<TemplateOptions> saved = template_file(model_folder);
  if (!saved) return *asked;
  const std::string mine = config::write_toml(config::write_options(*asked)),
                    theirs = config::write_toml(config::write_options(*saved));
  if (mine != theirs)
    throw ConfigError(
        message("[template] is not the one that ", model_folder.string(),
                " was trained with\n  leave it out; the folder's template.toml says:\n", theirs));
  return *saved;
}

TemplateOptions template_of(const PlannedRun& run, const Work& work,
                            const std::filesystem::path& model_folder) {
  return agreed_template(model_folder, file_table(run, work, "template")
                                           ? &run.experiment(work).options.prompt_template
                                           : nullptr);
}

TemplateOptions training_template(const PlannedRun& run, const Work& work,
                                  const std::filesystem::path& model_folder) {
  const TemplateOptions& own = run.experiment(work).options.prompt_template;
  return file_table(run, work, "template") ? own : saved_template(model_folder).value_or(own);
}

AnyForwardProcess make_process(const RunContext& run, const Services& services,
                               const ComponentRef<Role::forward_process>& process) {
  return run.registry.make<AnyForwardProcess>(process, services);
}

}  // namespace lldm
