// SPDX-License-Identifier: MIT
// A sample stage: texts of a model, for people to read.
#include <algorithm>

#include "lldm/concepts/any_task.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/stage/model_bundle.hpp"
#include "lldm/stage/sample_options.hpp"
#include "lldm/storage/files.hpp"
#include "stage/generation.hpp"
#include "stage/kinds.hpp"
#include "stage/shared_rows.hpp"

namespace lldm {

Result SampleKind::run(const Options& stage, const RunContext& run, const Work& work) {
  const ModelBundle bundle = starting_model(run, work, stage.from);
  bundle.model->set_trainable(false);
  const Services services = run.services(work, bundle.tokenizer);
  const auto sampler = run.registry.make<AnySampler>(stage.sampler, services);
  const std::vector<Prompt> prompts =
      stage.prompts.empty()
          ? prompts_of(
                limited(run.registry.make<AnyTask>(stage.task, services).examples(), stage.limit))
          : prompts_of(stage.prompts);
  std::string lines;
  Result result;
  result["samples"] = Result::array();
  const std::vector<Generated> texts =
      generate(run, work, bundle, sampler, prompts, stage.samples_per_prompt, "texts");
  if (is_follower(run)) return {};
  for (const Generated& text : texts) {
    const Result row = {{"prompt", prompts[text.prompt].text},
                        {"response", text.text},
                        {"forwards", text.forwards}};
    lines += row.dump() + "\n";
    if (result["samples"].size() < 20) result["samples"].push_back(row);
  }
  make_folders(work.folder);
  const auto file = work.folder / "samples.jsonl";
  write_file_atomically(file, lines);
  constexpr std::size_t kShown = 3;
  std::string shown;
  for (std::size_t i = 0; i < std::min(kShown, result["samples"].size()); ++i)
    shown += message("\n  ", result["samples"][i]["prompt"].get<std::string>(), "\n    -> ",
                     result["samples"][i]["response"].get<std::string>());
  run.logger.info(message("stage ", run.label(work), ": all texts in ", file.string(), shown));
  return result;
}

}  // namespace lldm
