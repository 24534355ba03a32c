// SPDX-License-Identifier: MIT
// The four gradient paths give one gradient for every registered estimator with every registered
// objective that they support, and refuse the others by name.
#include <c10/core/GradMode.h>

#include <iostream>

#include "lldm/forward/block_masked.hpp"
#include "lldm/forward/uniform.hpp"
#include "lldm/model/transformer.hpp"
#include "support/gradient_paths.hpp"
#include "support/one_thread.hpp"

using namespace lldm;
using namespace lldm::testing;

TEST_CASE("Gradient paths: every registered component is known to this suite",
          "[conformance][score]") {
  Registry registry;
  register_builtin_components(registry);
  CHECK(unmatched(registry, Role::score_estimator, estimator_options()) == "");
  CHECK(unmatched(registry, Role::objective, objective_options()) == "");
  // The walk itself notices a stranger.
  OptionTables fewer = objective_options();
  fewer.erase("dpo");
  CHECK_THAT(unmatched(registry, Role::objective, fewer), contains("\"dpo\" is registered"));
  fewer["dpo2"] = {""};
  CHECK_THAT(unmatched(registry, Role::objective, fewer), contains("\"dpo2\" has options here"));
  CHECK_THROWS_WITH(registered<AnyObjective>(Role::objective, fewer), contains("\"dpo\""));
}

TEST_CASE("Gradient paths: one gradient for every estimator and objective, float64",
          "[conformance][score]") {
  const OneThread one_thread;
  const EngineWorld world;
  const auto objectives = registered_objectives();
  const auto estimators = registered_estimators();
  Counts counts;
  for (const auto& objective : objectives)
    for (const auto& estimator : estimators)
      for (const bool is_even : {false, true}) {
        if (is_even && objective.component.needs().use != ScoreUse::parts) continue;
        compare_paths(world.policy, world.reference, objective, estimator, is_even, 1e-10, counts);
      }
  std::cout << "gradient paths, float64 toy table: " << objectives.size() << " objectives x "
            << estimators.size() << " estimators, " << counts.compared << " steps agree, "
            << counts.refused << " refused by the path, " << counts.unreadable
            << " by the objective\n";
  check_counts(counts, objectives.size());
  CHECK(counts.compared > 3000);
  CHECK(counts.refused > 1000);
}

namespace {

std::shared_ptr<Transformer> tiny_transformer(std::uint64_t seed, at::ScalarType dtype,
                                              bool is_trainable,
                                              const std::string& family = "llada") {
  TransformerConfig config = family_defaults(family);
  config.width = 16, config.layers = 1, config.heads = 2, config.kv_heads = 1,
  config.mlp_width = 24, config.vocabulary = config.logit_columns = 4, config.max_length = 16;
  auto model = make_transformer(config, {.head_std = 0.5}, Draws(seed, "model"), dtype);
  model->set_trainable(is_trainable);
  return model;
}

/// A process over the toy vocabulary: states 0..2, mask 3.
const std::map<std::string, AnyForwardProcess>& processes() {
  static const std::map<std::string, AnyForwardProcess> all{
      {"masked", cosine_masks()},
      {"uniform", UniformProcess(0, 2, -1, CosineSchedule())},
      {"block_masked", BlockMaskedProcess(2, MaskedProcess(3, CosineSchedule()))}};
  return all;
}

}  // namespace

TEST_CASE("Gradient paths: one gradient for every estimator and objective, a float32 LLaDA",
          "[conformance][score]") {
  const OneThread one_thread;
  const auto policy = tiny_transformer(1, at::kFloat, true),
             reference = tiny_transformer(2, at::kFloat, false);
  Counts counts;
  for (const auto& objective : registered_objectives(true))
    for (const auto& estimator : registered_estimators(true))
      compare_paths(policy, reference, objective, estimator, true, 1e-4, counts);
  std::cout << "gradient paths, float32 LLaDA: " << counts.compared << " steps agree\n";
  CHECK(counts.compared > 500);
}

TEST_CASE("Gradient paths: one gradient under every registered process", "[conformance][score]") {
  const OneThread one_thread;
  Registry registry;
  register_builtin_components(registry);
  for (const auto& entry : registry.entries(Role::forward_process)) {
    INFO(entry->name);
    CHECK(processes().contains(entry->name));
  }
  const auto policy = tiny_transformer(1, at::kDouble, true),
             reference = tiny_transformer(2, at::kDouble, false);
  for (const auto& [name, process] : processes()) {
    Counts counts;
    int accepted = 0, refused = 0;
    for (const auto& estimator : registered_estimators()) {
      INFO(name << ", " << estimator.name);
      const std::vector<Text> texts = grouped_texts(1, true);
      const std::string said = refusal([&] {
        static_cast<void>(
            estimator.component.plan(texts[0], process, draws_of(Draws(1, "conformance"), 0)));
      });
      if (!said.empty()) {
        // `adaptive` leaves the word to what it repeats.
        const bool is_wrapper = estimator.type == "adaptive";
        CHECK_THAT(said, contains("score estimator \"" + (is_wrapper ? "" : estimator.type)));
        CHECK_THAT(said, contains("use ") || contains("legal: "));
        ++refused;
        continue;
      }
      ++accepted;
      if (name == "masked") continue;  // the other tests walk them all
      for (const auto& objective : registered_objectives(true))
        if (objective.type == "sft" || objective.type == "dpo" ||
            objective.type == "stepwise_dpo" || objective.type == "aot")
          compare_paths(policy, reference, objective, estimator, true, 1e-10, counts, process);
    }
    INFO(name);
    std::cout << "gradient paths, " << name << ": " << accepted << " estimators accept it, "
              << refused << " refuse, " << counts.compared << " steps agree\n";
    CHECK(accepted >= 2);
    CHECK((refused == 0) == (name == "masked"));
    if (name != "masked") check_counts(counts, 4);
  }
}

TEST_CASE("Gradient paths: one gradient for a model of every family", "[conformance][score]") {
  const OneThread one_thread;
  for (const auto& family : family_names()) {
    const auto policy = tiny_transformer(1, at::kDouble, true, family),
               reference = tiny_transformer(2, at::kDouble, false, family);
    Counts counts;
    for (const auto& objective : registered_objectives(true))
      if (objective.type == "sft" || objective.type == "dpo")
        for (const auto& estimator : registered_estimators(true))
          compare_paths(policy, reference, objective, estimator, true, 1e-10, counts);
    INFO(family);
    std::cout << "gradient paths, " << family << ": " << counts.compared << " steps agree\n";
    CHECK(counts.compared > 20);
  }
}

TEST_CASE("Gradient paths: one gradient for a model with an adapter", "[conformance][score]") {
  const OneThread one_thread;
  const auto policy = tiny_transformer(1, at::kDouble, true, "qwen3");
  policy->add_adapter({.rank = 2, .alpha = 3}, Draws(3, "adapter"));
  const auto reference = policy->frozen_copy();
  {
    const c10::NoGradGuard no_gradient;
    for (const auto& update : policy->adapter()) at::Tensor(update.b).fill_(0.1);
  }
  Counts counts;
  for (const auto& objective : registered_objectives(true))
    if (objective.type == "sft" || objective.type == "dpo")
      for (const auto& estimator : registered_estimators(true))
        compare_paths(policy, std::dynamic_pointer_cast<Transformer>(reference), objective,
                      estimator, true, 1e-10, counts);
  std::cout << "gradient paths, with an adapter: " << counts.compared << " steps agree\n";
  CHECK(counts.compared > 20);
}
