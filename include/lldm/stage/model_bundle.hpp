// SPDX-License-Identifier: MIT
// Models that stages start from, and where they lie.
#pragma once

#include "lldm/concepts/any_forward_process.hpp"
#include "lldm/stage/run_context.hpp"

namespace lldm {

/// What happens to a stage's weights: those of frozen ones may be streamed.
enum class WeightUse : std::uint8_t { frozen, trained };

/// [memory] frozen_weights and streamed_blocks.
WeightPlacement frozen_placement(const MemoryOptions& memory);

/// The model and tokenizer of `from`, or fresh ones where `from` is empty.
ModelBundle starting_model(const RunContext& run, const Work& work, const std::string& from,
                           WeightUse use = WeightUse::frozen);

/// Publishes `folder`: config.json, model.safetensors (with `bundle.base` the adapter and
/// adapter_base.json instead), tokenizer files, template.toml, manifest; forward_process.toml where
/// the noise was not plain masks.
void publish_model(const std::filesystem::path& folder, const ModelBundle& bundle,
                   const TemplateOptions& prompt_template);

/// What a model folder says of its template: template.toml, else a chat template of its own that
/// is known (lldm/data/chat_template.hpp); nothing where there is neither.  ConfigError naming the
/// key to set where it has a chat template that is not known.
std::optional<TemplateOptions> saved_template(const std::filesystem::path& model_folder);
/// The same where the user may have named one: `asked` (null: nothing was named) counts unless
/// template.toml says otherwise, which is a ConfigError.
TemplateOptions agreed_template(const std::filesystem::path& model_folder,
                                const TemplateOptions* asked);

/// The tokenizer of a model folder.  That of [model] `path`, where `from` is empty, may have a
/// [tokenizer] table beside it, whose keys are obeyed or refused.
std::shared_ptr<const Tokenizer> folder_tokenizer(const PlannedRun& run, const Work& work,
                                                  const std::string& from,
                                                  const std::filesystem::path& folder);

/// The template that a model's texts are written with: what its folder says (template.toml), else
/// the experiment's.  ConfigError where the file has a [template] of its own that says otherwise.
TemplateOptions template_of(const PlannedRun& run, const Work& work,
                            const std::filesystem::path& model_folder);
/// The same for training: a [template] of the file is a new one to learn.
TemplateOptions training_template(const PlannedRun& run, const Work& work,
                                  const std::filesystem::path& model_folder);

/// Draws a stage's forward process, with the mask token of its tokenizer.
AnyForwardProcess make_process(const RunContext& run, const Services& services,
                               const ComponentRef<Role::forward_process>& process);

}  // namespace lldm
