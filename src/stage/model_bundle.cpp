// SPDX-License-Identifier: MIT
#include "lldm/stage/model_bundle.hpp"

#include <nlohmann/json.hpp>

#include "lldm/config/document.hpp"
#include "lldm/config/reader.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/purpose.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/storage/files.hpp"
#include "lldm/storage/published_folder.hpp"
#include "lldm/tokenizer/load.hpp"
#include "stage/data_source.hpp"

namespace lldm {

std::filesystem::path RunContext::folder_of(const Work& work, const std::string& name) const {
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

std::filesystem::path model_folder_of(const RunContext& run, const Work& work,
                                      const std::string& name) {
  return work.inputs.contains(name) ? run.folder_of(work, name) / "model"
                                    : std::filesystem::path(name);
}

namespace {

void check_special(const Tokenizer& tokenizer, const std::string& where) {
  if (tokenizer.special().mask < 0 || tokenizer.special().end_of_text < 0)
    throw ConfigError(message(where, ": the tokenizer needs a mask and an end-of-text token\n",
                              "  name them: mask_token, end_of_text_token in [tokenizer]"));
}

}  // namespace

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

ModelBundle starting_model(const RunContext& run, const Work& work, const std::string& from) {
  const ExperimentOptions& options = run.experiment(work).options;
  const PurposeScope scope(MemoryPurpose::weights);
  const at::Device device(run.device);
  const std::string folder =
      from.empty() ? options.model.path.string() : model_folder_of(run, work, from).string();
  const at::ScalarType dtype =
      options.model.dtype == ModelDtype::float64 ? at::kDouble : at::kFloat;
  ModelBundle bundle;
  if (!folder.empty()) {
    if (from.empty()) check_against_folder(options.model);
    bundle.model = load_model(folder, dtype, device);
    bundle.tokenizer = load_tokenizer(folder);
    bundle.folder = folder;
    bundle.noise = saved_noise(folder);
  } else {
    // Only words are made of the data, which a later stage's file may not be yet.
    const bool needs_words = options.tokenizer.type == TokenizerType::words;
    bundle.tokenizer = make_tokenizer(
        options.tokenizer, needs_words ? vocabulary_of(run, work) : std::vector<std::string>());
    bundle.model = make_model(options.model, tokens_of(*bundle.tokenizer),
                              Draws(static_cast<std::uint64_t>(work.seed), work.stage), device);
  }
  check_special(*bundle.tokenizer, folder.empty() ? "[tokenizer]" : folder);
  if (bundle.tokenizer->vocabulary_size() > bundle.model->vocabulary_size())
    throw DataError(message(folder, ": the tokenizer has ", bundle.tokenizer->vocabulary_size(),
                            " ids, the model ", bundle.model->vocabulary_size()));
  if (options.model.exclude_mask_logit)
    bundle.model->exclude_logit(bundle.tokenizer->special().mask);
  return bundle;
}

void publish_model(const std::filesystem::path& folder, const ModelBundle& bundle,
                   const TemplateOptions& prompt_template) {
  PublishedFolder published(folder, IfPublished::replace);
  bundle.model->save(published.path());
  bundle.tokenizer->save(published.path());
  published.add("template.toml", config::write_toml(config::write_options(prompt_template)));
  if (!bundle.noise.is_plain())
    published.add("forward_process.toml", config::write_toml(config::write_options(bundle.noise)));
  published.publish();
}

std::optional<TemplateOptions> saved_template(const std::filesystem::path& model_folder) {
  const auto file = model_folder / "template.toml";
  if (model_folder.empty() || !std::filesystem::exists(file)) return std::nullopt;
  config::Diagnostics diagnostics;
  const config::Value table =
      config::parse(read_file(file), {file.string(), model_folder}, diagnostics);
  auto options = config::read_options<TemplateOptions>(table, diagnostics, "template");
  diagnostics.throw_if_any();
  return options;
}

namespace {

bool names_template(const RunContext& run, const Work& work) {
  return run.schedule.cells[work.cells.front()].root.find("template") != nullptr;
}

}  // namespace

TemplateOptions template_of(const RunContext& run, const Work& work,
                            const std::filesystem::path& model_folder) {
  const TemplateOptions& own = run.experiment(work).options.prompt_template;
  const std::optional<TemplateOptions> saved = saved_template(model_folder);
  if (!saved) return own;
  const std::string mine = config::write_toml(config::write_options(own)),
                    theirs = config::write_toml(config::write_options(*saved));
  if (names_template(run, work) && mine != theirs)
    throw ConfigError(
        message("[template] is not the one that ", model_folder.string(),
                " was trained with\n  leave it out; the folder's template.toml says:\n", theirs));
  return *saved;
}

TemplateOptions training_template(const RunContext& run, const Work& work,
                                  const std::filesystem::path& model_folder) {
  const TemplateOptions& own = run.experiment(work).options.prompt_template;
  return names_template(run, work) ? own : saved_template(model_folder).value_or(own);
}

AnyForwardProcess make_process(const RunContext& run, const Services& services,
                               const ComponentRef<Role::forward_process>& process) {
  return run.registry.make<AnyForwardProcess>(process, services);
}

}  // namespace lldm
