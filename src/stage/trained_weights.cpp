// SPDX-License-Identifier: MIT
#include "stage/trained_weights.hpp"

#include "lldm/errors.hpp"
#include "stage/training_memory.hpp"

namespace lldm {
namespace {

std::uint64_t dropout_key(const Draws& draws, std::int64_t step) {
  auto stream = draws.stream(Purpose::dropout, static_cast<std::uint64_t>(step));
  const std::uint64_t high = stream.bits();
  return high << 32 | stream.bits();
}

/// Goes on with the adapter of the folder that the stage starts from.
void go_on(const RunContext& run, const Work& work, const AdapterOptions& adapter,
           const ModelBundle& bundle) {
  try {
    bundle.model->continue_adapter(lora_options(adapter));
  } catch (const ConfigError& error) {
    throw ConfigError(
        message("stage \"", work.stage, "\": ", bundle.folder.string(), ": ", error.what(),
                "\n  [model] adapter as it was trained goes on with it; lldm model merge ",
                bundle.folder.string(), " --out NEW makes a base for another"));
  }
  run.logger.info(
      message("stage ", run.label(work), ": goes on with the adapter of ", bundle.folder.string()));
}

}  // namespace

AdapterOptions settle_weights(const RunContext& run, const Work& work, const TrainingStage& stage,
                              const ModelBundle& bundle) {
  const ModelOptions& model = run.experiment(work).options.model;
  AdapterOptions adapter = model.adapter;
  if (adapter.type != AdapterType::none && starts_fresh(stage, model)) {
    // An update of random weights is no use.
    adapter.type = AdapterType::none;
    run.logger.info(message("stage ", run.label(work),
                            ": fresh weights are trained in full, without [model] adapter"));
  }
  if (adapter.type == AdapterType::none) {
    if (bundle.model->has_adapter()) bundle.model->merge_adapter();
    bundle.model->set_trainable(true);
  }
  return adapter;
}

void train_adapter(const RunContext& run, const Work& work, const AdapterOptions& adapter,
                   TrainingSetup& setup, ModelBundle& bundle) {
  if (bundle.model->has_adapter())
    go_on(run, work, adapter, bundle);
  else
    bundle.model->add_adapter(lora_options(adapter), setup.draws);
  if (adapter.publish == AdapterPublishing::adapter && !bundle.folder.empty())
    bundle.base = adapter_base(bundle.folder, bundle.model->precision());
  if (adapter.dropout > 0)
    setup.on_passes = [model = bundle.model, draws = setup.draws](auto step) {
      model->set_dropout(step ? std::optional(dropout_key(draws, *step)) : std::nullopt);
    };
}

}  // namespace lldm
