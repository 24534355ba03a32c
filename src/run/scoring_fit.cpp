// SPDX-License-Identifier: MIT
#include "run/scoring_fit.hpp"

#include <algorithm>
#include <optional>

#include "lldm/concepts/any_score_estimator.hpp"
#include "lldm/errors.hpp"
#include "lldm/registry/registry.hpp"
#include "lldm/services.hpp"
#include "stage/any_ids.hpp"

namespace lldm {
namespace {

using config::Member;
using config::Value;
using EstimatorRef = ComponentRef<Role::score_estimator>;

/// The estimator that `adaptive` repeats, else the estimator.
std::string_view innermost(const Value& table) {
  const Member* inner = table.find("score_estimator");
  return inner && inner->value.is_table() ? innermost(inner->value) : table.text_of("type");
}

/// The `schedule` key of a forward process, where it is given.
const Member* schedule_of(const Member* process) {
  return process && process->value.is_table() ? process->value.find("schedule") : nullptr;
}

std::string unread(const Member& schedule, const std::string& who) {
  return message(schedule.position.text(), ": schedule has no influence on ", who,
                 "\n  with these options the estimator draws counts or shares, not times");
}

/// The refusal of a process that the estimator has no meaning for.
void check_plan(const StageFit& fit, const AnyScoreEstimator& estimator,
                const AnyForwardProcess& process) {
  try {
    const Draws draws(0, "preflight");
    const Text text{.prompt = {1}, .response = {1, 1}, .scored = -1, .reveal_step = {0, 1}};
    static_cast<void>(estimator.plan(text, process, TextDraws(draws, Purpose::noise, 0, 0, 0)));
  } catch (const ConfigError& refused) {
    fit.error(fit.stage.facts.scoring->key, refused.what());
  } catch (const Error&) {
    // No plan of such a text: what is wrong shows with the rows.
  }
}

/// recorded_trajectory reads the orders that a synthesize stage keeps with record_steps.
void check_recorded_steps(const StageFit& fit) {
  const StageFacts& facts = fit.stage.facts;
  if (facts.rows.empty()) return;
  const Stage* source = fit.experiment.find(facts.rows.front().data.options.stage);
  if (source && source->facts.records_steps) return;
  for (const EstimatorRef& estimator : facts.scoring->estimators)
    if (innermost(estimator.table) == "recorded_trajectory")
      fit.error(facts.rows.front().key,
                "recorded_trajectory needs the order in which each answer was written, and these "
                "rows have none\n  read a synthesize stage with method = \"sample\" and "
                "record_steps = true");
}

}  // namespace

void ScoringFit::check(const StageFit& fit) {
  for (const std::string& model : fit.stage.facts.sampled)
    if (const auto found = shows_tokens_.find(model); found != shows_tokens_.end())
      fit.error("from",
                message("it samples from stage \"", model,
                        "\", which is trained with forward_process \"", found->second,
                        "\": the samplers replace mask tokens, which such a model never saw\n  "
                        "evaluate it by `pairs`, or train on with forward_process = \"masked\""));
  if (!fit.stage.facts.scoring) return;
  check_parts(fit);
  check_recorded_steps(fit);
}

void ScoringFit::check_parts(const StageFit& fit) {
  const StageScoring& scored = *fit.stage.facts.scoring;
  Services services = fit.services;
  services.tokenizer = std::make_shared<const AnyIds>();
  std::optional<AnyForwardProcess> process;
  const bool is_made = fit.tries("forward_process", [&] {
    process = fit.registry.make<AnyForwardProcess>(scored.process, services);
  });
  if (is_made && !process->is_absorbing() && fit.stage.facts.training)
    shows_tokens_.emplace(fit.stage.name, scored.process.type());
  bool is_read = false;
  const auto look_at = [&](const EstimatorRef& ref) {
    try {
      const auto estimator = fit.registry.make<AnyScoreEstimator>(ref, services);
      is_read |= estimator.reads_schedule();
      if (is_made) check_plan(fit, estimator, *process);
    } catch (const ConfigError&) {
      is_read = true;  // told where estimators are looked at by themselves
    }
  };
  for (const EstimatorRef& estimator : scored.estimators) look_at(estimator);
  if (!scored.estimators.empty()) note_schedule(fit, is_read);
  if (scored.enumerates) look_at(EstimatorRef("exact"));
}

void ScoringFit::note_schedule(const StageFit& fit, bool is_read) {
  const Member* own = schedule_of(fit.given("forward_process"));
  is_shared_read_ |= !own && is_read;
  if (!own || is_read) return;
  std::string line = unread(*own, message("stage \"", fit.stage.name, "\" (",
                                          fit.stage.facts.scoring->estimators.front().type(), ")"));
  if (std::ranges::find(notes_, line) == notes_.end()) notes_.push_back(std::move(line));
}

std::vector<std::string> ScoringFit::notes(const Value& root) const {
  std::vector<std::string> all = notes_;
  const Member* shared = schedule_of(root.find("forward_process"));
  if (shared && !is_shared_read_) all.push_back(unread(*shared, "any stage"));
  return all;
}

}  // namespace lldm
