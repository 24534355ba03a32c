// SPDX-License-Identifier: MIT
// The four gradient paths give one gradient for every registered estimator with every registered
// objective that they support, and refuse the others by name.
#include <iostream>

#include "lldm/forward/block_masked.hpp"
#include "lldm/forward/uniform.hpp"
#include "lldm/model/llada.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/engine_world.hpp"
#include "support/one_thread.hpp"
#include "support/registered_components.hpp"

using namespace lldm;
using namespace lldm::testing;

namespace {

constexpr GradientPath kPaths[] = {GradientPath::linear, GradientPath::retain, GradientPath::replay,
                                   GradientPath::pairwise};

/// What a path must be refused for ("" if it is exact), written down from the definitions of the
/// paths (design.md, section 2) and not from the code that refuses.
std::string expected_refusal(GradientPath path, const ObjectiveNeeds& needs, bool is_sum) {
  if (needs.use == ScoreUse::parts && !is_sum) return "reads the parts of the scores";
  if (path == GradientPath::linear) {
    if (needs.use != ScoreUse::linear) return "the objective's weights depend on the scores";
    if (!is_sum) return "the estimator combines its readouts non-linearly";
  }
  if (path == GradientPath::pairwise) {
    if (needs.use == ScoreUse::coupled) return "the objective couples pairs of the whole step";
    if (needs.use == ScoreUse::parts) return "reads the parts of the scores";
    if (needs.mismatched) return "reads the scores of mismatched answers";
    if (needs.group_size != 2) return "does not compare two answers";
    if (!is_sum) return "the estimator combines its readouts non-linearly";
  }
  return "";
}

/// Three groups of answers with a recorded order; of 1 to 3 tokens each, or of 3.
std::vector<Text> grouped_texts(std::size_t group_size, bool is_even) {
  std::vector<Text> texts = toy_texts(3, group_size, 4);
  Stream stream = Draws(6, "orders").stream(Purpose::data);
  for (Text& text : texts) {
    if (is_even) text.response = {stream.below(3), stream.below(3), stream.below(3)};
    text.reveal_step = stream.permutation(static_cast<std::int64_t>(text.response.size()));
  }
  return texts;
}

ScoreBatch batch_of(const std::vector<Text>& texts, const ObjectiveNeeds& needs,
                    const AnyScoreEstimator& estimator, const AnyForwardProcess& process) {
  const Draws draws(3, "engine");
  ScoreBatch batch;
  batch.group_size = needs.group_size;
  const auto size = static_cast<std::size_t>(needs.group_size);
  for (std::size_t i = 0; i < texts.size(); ++i)
    batch.plans.push_back(estimator.plan(texts[i], process, draws_of(draws, i / size, i % size)));
  for (std::size_t i = 0; i < texts.size() && needs.mismatched; i += size) {
    Text other = texts[(i + size) % texts.size()];
    other.prompt = texts[i].prompt;
    batch.mismatched_plans.push_back(
        estimator.plan(other, process, draws_of(draws, i / size, size)));
  }
  return batch;
}

/// The groups [first, last) of a batch as a micro-batch of its own.
ScoreBatch groups_of(const ScoreBatch& batch, std::int64_t first, std::int64_t last) {
  ScoreBatch part;
  part.group_size = batch.group_size;
  part.plans.assign(batch.plans.begin() + first * batch.group_size,
                    batch.plans.begin() + last * batch.group_size);
  return part;
}

/// One step over micro-batches: all gradients behind one another, float64.
template <class D>
at::Tensor gradient_of(const std::shared_ptr<D>& policy, const std::shared_ptr<D>& reference,
                       const std::vector<ScoreBatch>& parts, const StepTotals& totals,
                       const AnyObjective& objective, GradientPath path, std::int64_t tokens) {
  for (NamedParameter& parameter : policy->parameters())
    parameter.value.mutable_grad() = at::Tensor();
  const ObjectiveNeeds needs = objective.needs();
  const ScoreEngine<D> engine(policy, needs.reference ? reference : nullptr, "cpu",
                              EngineOptions{tokens});
  for (const ScoreBatch& part : parts) engine.step(part, totals, needs, loss_of(objective), path);
  std::vector<at::Tensor> gradients;
  for (const NamedParameter& parameter : policy->parameters()) {
    const at::Tensor& gradient = parameter.value.grad();
    gradients.push_back((gradient.defined() ? gradient : at::zeros_like(parameter.value))
                            .to(at::kDouble)
                            .reshape({-1}));
  }
  return at::cat(gradients);
}

/// What an evaluation is refused with, or "".
template <class F>
std::string refusal(F&& step) {
  try {
    step();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

/// Why the objective cannot read such plans at all, from the plans alone ("" if it can).
std::string unreadable(const std::string& type, const ScoreBatch& batch,
                       const ObjectiveNeeds& needs) {
  if (needs.use != ScoreUse::parts) return "";
  const auto evaluations = [](const ScorePlan& plan) {
    return std::max<std::int64_t>(plan.asked, plan.copies());
  };
  for (std::size_t i = 0; i < batch.plans.size(); i += 2)
    if (evaluations(batch.plans[i]) != evaluations(batch.plans[i + 1]))
      return "evaluations, which cannot be compared one by one";
  if (type != "d2_dpo") return "";
  for (const ScorePlan& plan : batch.plans)
    if (plan.times.empty()) return "at no drawn times";
  for (std::size_t i = 0; i < batch.plans.size(); i += 2)
    if (batch.plans[i].times != batch.plans[i + 1].times) return "noised at different times";
  return "";
}

AnyForwardProcess cosine_masks() { return MaskedProcess(3, CosineSchedule()); }

struct Counts {
  int compared = 0, refused = 0, unreadable = 0;
  std::map<std::string, double> largest;  // gradient norm by objective: zeros would agree too
};

/// Every way to take the step, against the plain `retain` over the whole batch.
template <class D>
void compare_paths(const std::shared_ptr<D>& policy, const std::shared_ptr<D>& reference,
                   const Registered<AnyObjective>& objective,
                   const Registered<AnyScoreEstimator>& estimator, bool is_even, double allowed,
                   Counts& counts, const AnyForwardProcess& process = cosine_masks()) {
  const ObjectiveNeeds needs = objective.component.needs();
  const ScoreBatch batch =
      batch_of(grouped_texts(static_cast<std::size_t>(needs.group_size), is_even), needs,
               estimator.component, process);
  const bool is_sum = batch.plans.front().combination == Combination::sum;
  CHECK((estimator.component.target(3).combination == Combination::sum) == is_sum);
  const StepTotals totals = totals_of(batch);
  const auto step = [&](GradientPath path, const std::vector<ScoreBatch>& parts,
                        std::int64_t tokens) {
    return gradient_of(policy, reference, parts, totals, objective.component, path, tokens);
  };
  INFO(objective.name << " with " << estimator.name << (is_even ? ", equal lengths" : ""));
  const std::string why_not = is_sum ? unreadable(objective.type, batch, needs) : "";
  if (!why_not.empty()) {
    for (const auto path : {GradientPath::retain, GradientPath::replay}) {
      const std::string said = refusal([&] { step(path, {batch}, 16384); });
      CHECK_THAT(said, contains(why_not));
      CHECK_THAT(said, contains("use a score estimator") || contains("use score_estimator") ||
                           contains("in the score estimator"));
    }
    ++counts.unreadable;
    return;
  }
  // Losses over the whole step and means of micro-batches' means differ by definition.
  const bool is_split = needs.use != ScoreUse::coupled && !needs.mismatched &&
                        objective.name.find("llada_parity") == std::string::npos;
  at::Tensor exact;
  for (const auto path : kPaths) {
    INFO(to_string(path));
    const std::string reason = expected_refusal(path, needs, is_sum);
    if (!reason.empty()) {
      const std::string said = refusal([&] { step(path, {batch}, 16384); });
      CHECK_THAT(said, contains(reason));
      CHECK_THAT(said, contains("use "));
      if (is_sum || needs.use != ScoreUse::parts)  // else no path is exact, and none is named
        CHECK_THAT(said, contains(message("gradient_path = \"", to_string(path), "\"")));
      ++counts.refused;
      continue;
    }
    if (!exact.defined()) {
      exact = step(GradientPath::retain, {batch}, 16384);
      const double norm = exact.norm().item<double>();
      CHECK(std::isfinite(norm));
      double& largest = counts.largest[objective.name];
      largest = std::max(largest, norm);
    }
    // Many forwards of a few copies, and two micro-batches of which one holds two groups.
    CHECK(relative_distance(step(path, {batch}, 9), exact) <= allowed);
    ++counts.compared;
    if (!is_split) continue;
    const std::vector<ScoreBatch> parts{groups_of(batch, 0, 1), groups_of(batch, 1, 3)};
    CHECK(relative_distance(step(path, parts, 16384), exact) <= allowed);
    ++counts.compared;
  }
}

void check_counts(const Counts& counts, std::size_t objectives) {
  CHECK(counts.largest.size() == objectives);
  for (const auto& [name, norm] : counts.largest) {
    INFO(name);
    CHECK(norm > 1e-3);
  }
}

}  // namespace

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

std::shared_ptr<Llada> tiny_llada(std::uint64_t seed, at::ScalarType dtype, bool is_trainable) {
  const LladaConfig config{.d_model = 16,
                           .n_layers = 1,
                           .n_heads = 2,
                           .n_kv_heads = 1,
                           .mlp_hidden_size = 24,
                           .vocab_size = 4,
                           .embedding_size = 4,
                           .max_sequence_length = 16};
  auto model = make_llada(config, {.head_std = 0.5}, Draws(seed, "model"), dtype);
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
  const auto policy = tiny_llada(1, at::kFloat, true), reference = tiny_llada(2, at::kFloat, false);
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
  const auto policy = tiny_llada(1, at::kDouble, true),
             reference = tiny_llada(2, at::kDouble, false);
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
