// SPDX-License-Identifier: MIT
// The adapter that a plan counts is the one that a run makes.
#include <c10/util/Logging.h>  // before Catch2, whose CHECK is meant

#include <map>

#include "lldm/builtin/builtin.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/stage_plan.hpp"
#include "lldm/model/model_folder.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/run/load_experiment.hpp"
#include "model/adapter_targets.hpp"
#include "stage/training_memory.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/temporary_folder.hpp"
#include "support/transformer_world.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

using Targets = std::vector<std::string>;

/// Key heads of several query heads, biases where the family has the flag, a head width of its own.
TransformerConfig sizes_of(const std::string& family) {
  TransformerConfig config = family_defaults(family);
  const TransformerConfig small = small_config();
  config.width = small.width, config.layers = 3, config.heads = small.heads,
  config.kv_heads = family == "llada" ? small.heads : small.kv_heads,
  config.mlp_width = small.mlp_width, config.vocabulary = config.logit_columns = 40,
  config.max_length = 64;
  if (family == "qwen3") config.given_head_width = 10;
  if (family == "llama") config.qkv_bias = config.output_bias = config.mlp_bias = true;
  return config;
}

/// None; one of the attention's, one of the MLP's; those of one block.
std::vector<Targets> targets_of(const std::string& family) {
  if (family == "smdm") return {{}, {"attn.attn"}, {"mlp.swiglu.w3"}, {"h.1.attn.attn"}};
  if (family == "llada") return {{}, {"q_proj", "v_proj"}, {"ff_out"}, {"blocks.1.attn_out"}};
  return {{}, {"k_proj", "o_proj"}, {"down_proj"}, {"layers.1.self_attn.v_proj"}};
}

std::string listed(const Targets& targets) {
  std::string list;
  for (const auto& target : targets) list += (list.empty() ? "\"" : ", \"") + target + "\"";
  return list;
}

/// The plan of an sft stage that starts from `from`, with [model] as given.
StagePlan plan_of(const TemporaryFolder& folder, const std::string& from,
                  const std::string& model) {
  write_file(folder.path() / "e.toml",
             "name = \"plan\"\nrequires = \"download\"\nnote = \"it\"\n"
             "[model]\n" +
                 model + "\n[[stage]]\nname = \"sft\"\nkind = \"sft\"\nfrom = \"" + from +
                 "\"\ndata = { file = \"rows.jsonl\" }\n"
                 "optimizer = { steps = 1 }\n");
  Registry registry;
  register_builtin_components(registry);
  const LoadedExperiment file = load_experiment(folder.path() / "e.toml", {}, registry);
  const Experiment& experiment = file.experiments.front();
  const Stage& stage = experiment.stages.front();
  return stage.kind.plan(stage.options.get(), experiment, registry);
}

}  // namespace

TEST_CASE("a plan counts the adapter that a run trains, in every family", "[stage][plan]") {
  for (const std::string& family : family_names())
    for (const Targets& targets : targets_of(family)) {
      INFO(family << " " << listed(targets));
      const TemporaryFolder folder;
      const TransformerConfig config = sizes_of(family);
      const auto model = make_transformer(config, {}, Draws(1, "t"));
      model->save(folder.path() / "m");
      const LoraOptions options{.rank = 5, .targets = targets};
      model->add_adapter(options, Draws(1, "a"));
      const std::int64_t trained = num_trained(*model);
      REQUIRE(trained > 0);
      CHECK(num_adapter_values(config, options) == trained);
      const StagePlan plan = plan_of(folder, "./m",
                                     "family = \"" + family +
                                         "\"\nadapter = { type = \"lora\", rank = 5, targets = [" +
                                         listed(targets) + "] }");
      // The adapter and AdamW's two moments, float32.
      CHECK(plan.memory.value().bytes(MemoryPurpose::adapter) == 4 * trained);
      // Each tensor on a border of 64 bytes.
      const std::int64_t moments = plan.memory.value().bytes(MemoryPurpose::optimizer);
      const auto tensors = static_cast<std::int64_t>(model->parameters().size());
      CHECK(moments >= 8 * trained);
      CHECK(moments < 8 * trained + 2 * 64 * tensors);
    }
}

TEST_CASE("an adapter's targets name one block's matrices too", "[stage][plan]") {
  const TransformerConfig config = sizes_of("llama");
  const auto matrices = adapted_matrices(config, {.targets = {"layers.2.mlp.down_proj"}});
  REQUIRE(matrices.size() == 1);
  CHECK(matrices[0].module == "model.layers.2.mlp.down_proj");
  CHECK(matrices[0].rows == 24);
  CHECK(matrices[0].columns == 20);
  CHECK_THROWS_WITH(adapted_matrices(config, {.targets = {"layers.3.mlp.down_proj"}}),
                    contains("\"layers.3.mlp.down_proj\" names no matrix"));
}

TEST_CASE("a plan without the folder takes LLaDA-8B's sizes for LLaDA alone", "[stage][plan]") {
  const TemporaryFolder folder;
  const std::string lora = "\nadapter = { type = \"lora\", rank = 16 }";
  const StagePlan whole = plan_of(folder, "./away", "family = \"llada\"" + lora);
  CHECK(whole.note.find("planned with LLaDA-8B's shape") != std::string::npos);
  CHECK(whole.lengths == "if every text has 4096 tokens, the most that the model takes");
  // By hand: 32 blocks, 16 * (4 * (4096 + 4096) + 3 * (4096 + 12288)) each.
  CHECK(whole.memory.value().bytes(MemoryPurpose::optimizer) == 8 * 32 * 16 * 81920LL);
  const StagePlan shorter = plan_of(folder, "./away", "max_length = 512" + lora);
  CHECK(shorter.note.find("planned with LLaDA-8B's shape") != std::string::npos);
  CHECK(shorter.lengths == "if every text has 512 tokens, the most that the model takes");
  CHECK_THROWS_WITH(
      plan_of(folder, "./away", "family = \"dream\"" + lora),
      contains("has no sizes of a \"dream\" to plan with\n  set width, layers, heads, "
               "kv_heads, mlp_width and max_length"));
  const StagePlan given = plan_of(
      folder, "./away",
      "family = \"qwen3\"\nwidth = 64\nlayers = 2\nheads = 4\nkv_heads = 2\nmlp_width = 96" + lora);
  CHECK(given.note.find("(width 64, layers 2, heads 4, key heads 2, MLP width 96, at most 1024 "
                        "tokens)") != std::string::npos);
  // Qwen3's heads are 128 wide whatever the width is.
  CHECK(given.memory.value().bytes(MemoryPurpose::optimizer) ==
        8 * 2 * 16 * (2 * (64 + 512) + 2 * (64 + 256) + 3 * (64 + 96)));
}
