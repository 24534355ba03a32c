// SPDX-License-Identifier: MIT
#include "run/process_fit.hpp"

#include <map>
#include <optional>

#include "experiment/quiet_services.hpp"
#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/concepts/tokenizer.hpp"
#include "lldm/errors.hpp"
#include "lldm/memory/manager.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"

namespace lldm {
namespace {

using config::Diagnostics;
using config::Member;
using config::Position;
using config::Value;

/// Stands for whatever tokenizer the stage will have: processes ask it for ids alone.
class AnyIds final : public Tokenizer {
 public:
  std::vector<std::int64_t> encode(std::string_view, SpecialText) const override { return {}; }
  std::string decode(std::span<const std::int64_t>, bool) const override { return ""; }
  std::int64_t vocabulary_size() const override { return std::int64_t{1} << 40; }
  const SpecialTokens& special() const override { return special_; }
  std::string_view type() const override { return "any"; }
  void save(const std::filesystem::path&) const override {}
  std::string fingerprint() const override { return ""; }

 private:
  SpecialTokens special_{.mask = (std::int64_t{1} << 40) - 1, .end_of_text = 0};
};

/// The estimator that `adaptive` repeats, else the estimator.
std::string_view innermost(const Value& table) {
  const Member* inner = table.find("score_estimator");
  return inner && inner->value.is_table() ? innermost(inner->value) : table.text_of("type");
}

struct ProcessFit {
  const Registry& registry;
  const Services& services;
  Diagnostics& diagnostics;
  std::map<std::string, std::string> shows_tokens = {};  // training stage -> its process

  void error(const Stage& stage, const Value* table, std::string_view key, std::string_view what) {
    const Member* member = table ? table->find(key) : nullptr;
    diagnostics.error(member ? member->position : stage.position,
                      message("stage \"", stage.name, "\": ", what), "");
  }

  void add(const Stage& stage, const Value* table) {
    for (const std::string& model : stage.facts.sampled)
      if (const auto found = shows_tokens.find(model); found != shows_tokens.end())
        error(stage, table, "from",
              message("it samples from stage \"", model,
                      "\", which is trained with "
                      "forward_process \"",
                      found->second,
                      "\": the samplers replace mask tokens, which such a model never saw\n"
                      "  evaluate it by `pairs`, or train on with forward_process = \"masked\""));
    if (!stage.facts.scoring) return;
    const StageScoring& scored = *stage.facts.scoring;
    try {
      const auto process = registry.make<AnyForwardProcess>(scored.process, services);
      if (!process.is_absorbing() && stage.facts.training)
        shows_tokens.emplace(stage.name, scored.process.type());
      for (const auto& estimator : scored.estimators) plan(stage, table, estimator, process);
      if (scored.enumerates)
        plan(stage, table, ComponentRef<Role::score_estimator>("exact"), process);
    } catch (const ConfigError& refused) {
      error(stage, table, "forward_process", refused.what());
    }
  }

  void plan(const Stage& stage, const Value* table,
            const ComponentRef<Role::score_estimator>& reference,
            const AnyForwardProcess& process) {
    std::optional<AnyScoreEstimator> estimator;
    try {
      estimator = registry.make<AnyScoreEstimator>(reference, services);
    } catch (const ConfigError&) {
      return;  // told where estimators are looked at by themselves
    }
    try {
      const Draws draws(0, "preflight");
      const Text text{.prompt = {1}, .response = {1, 1}, .scored = -1, .reveal_step = {0, 1}};
      static_cast<void>(estimator->plan(text, process, TextDraws(draws, Purpose::noise, 0, 0, 0)));
    } catch (const ConfigError& refused) {
      error(stage, table, stage.facts.scoring->key, refused.what());
    } catch (const Error&) {
      // No plan of such a text: what is wrong shows with the rows.
    }
  }
};

/// recorded_trajectory reads the orders that a synthesize stage keeps with record_steps.
void check_recorded_steps(const Experiment& experiment, const Stage& stage, const Value* table,
                          ProcessFit& fit) {
  if (!stage.facts.scoring || stage.facts.rows.empty()) return;
  const Stage* source = experiment.find(stage.facts.rows.front().data.options.stage);
  if (source && source->facts.records_steps) return;
  for (const auto& estimator : stage.facts.scoring->estimators) {
    if (innermost(estimator.table) != "recorded_trajectory") continue;
    fit.error(
        stage, table, stage.facts.rows.front().key,
        "recorded_trajectory needs the order in which each answer was written, and these rows "
        "have none\n  read a synthesize stage with method = \"sample\" and record_steps = true");
  }
}

}  // namespace

void check_process_fit(const Experiment& experiment, const Value* tables, const Registry& registry,
                       Diagnostics& diagnostics) {
  MemoryManager memory;
  const Services services =
      quiet_services(registry, memory, Draws(0, "preflight"), std::make_shared<const AnyIds>());
  ProcessFit fit{registry, services, diagnostics};
  for (std::size_t s = 0; s < experiment.stages.size(); ++s) {
    const Value* table = tables ? &tables->as_array()[s] : nullptr;
    fit.add(experiment.stages[s], table);
    check_recorded_steps(experiment, experiment.stages[s], table, fit);
  }
}

}  // namespace lldm
