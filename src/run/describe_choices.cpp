// SPDX-License-Identifier: MIT
#include "run/describe_choices.hpp"

#include <algorithm>
#include <optional>
#include <sstream>
#include <vector>

#include "config/choice_name.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/schedule.hpp"
#include "lldm/experiment/stage_plan.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/model/model_options.hpp"
#include "lldm/render/table.hpp"
#include "lldm/run/plan.hpp"
#include "lldm/track/logger.hpp"
#include "run/choices_table.hpp"
#include "run/find_rows.hpp"

namespace lldm {
namespace {

using Json = nlohmann::ordered_json;

struct AskedStage {
  std::string name, kind;
  StagePlan plan;
};

/// Training stages of the first cell, with their rows where these can be read: of stages that are
/// finished those that the file's run has made, whatever device and budget are asked for.
std::vector<AskedStage> asked_stages(const LoadedExperiment& loaded, const Registry& registry,
                                     const AskedDevice& device) {
  const LoadedExperiment run = with_threads_of(device.run, device.out, null_logger());
  RunSchedule schedule = make_schedule(run.cells, run.experiments, device.out);
  find_rows_of_first(schedule, registry);
  Experiment experiment = loaded.experiments.front();
  experiment.known_rows = schedule.experiments.front().known_rows;
  experiment.lists_choices = true;
  std::vector<AskedStage> stages;
  for (const Stage& stage : experiment.stages) {
    StagePlan plan = stage.kind.plan(stage.options.get(), experiment, registry);
    if (!plan.choices.empty())
      stages.push_back({stage.name, std::string(stage.kind.name()), std::move(plan)});
  }
  return stages;
}

/// The keys that a choice stands for, where they differ from what the file says; with any of them
/// those that the file leaves open, which might be chosen otherwise then (not with a cache alone,
/// which a finished folder takes).
std::vector<std::string> changes_of(const StepChoice& choice, const StepChoice& now) {
  std::vector<std::string> keys;
  const auto set = [&](std::string_view key, const std::string& value) {
    keys.push_back(message(key, " = ", value));
  };
  if (choice.storage != now.storage)
    set("[model] storage", config::in_quotes(config::choice_name(choice.storage)));
  if (choice.is_streamed != now.is_streamed)
    set("[memory] frozen_weights", choice.is_streamed ? "\"streamed\"" : "\"resident\"");
  if (choice.optimizer != now.optimizer) set("optimizer.type", config::in_quotes(choice.optimizer));
  // Another type has no such key.
  if (choice.is_optimizer_on_host != now.is_optimizer_on_host && choice.optimizer == now.optimizer)
    set("optimizer.resident", choice.is_optimizer_on_host ? "\"host\"" : "\"device\"");
  // The file's limit gives the same passes where its largest is the same.
  const bool are_passes_same =
      choice.path == now.path && choice.tokens_per_forward == now.tokens_per_forward;
  if (choice.max_tokens_per_forward != now.max_tokens_per_forward && !are_passes_same)
    set("max_tokens_per_forward", std::to_string(choice.max_tokens_per_forward));
  const bool is_other = !keys.empty();
  if (choice.is_reference_cached && !now.is_reference_cached) set("reference.cache", "\"DIR\"");
  if (choice.recomputation != now.recomputation || (is_other && now.is_recomputation_open))
    set("[model] recomputation", config::in_quotes(config::choice_name(choice.recomputation)));
  if (choice.path != now.path || (is_other && now.is_path_open))
    set("gradient_path", config::in_quotes(to_string(choice.path)));
  return keys;
}

Json json_of(const StepChoice& choice, const StepChoice& now) {
  Json bytes = Json::object(), seconds = Json::object();
  for (std::size_t p = 0; p < kMemoryPurposes; ++p)
    if (choice.memory.purpose_peaks[p] > 0)
      bytes[std::string(kMemoryPurposeNames[p])] = choice.memory.purpose_peaks[p];
  for (const auto& [what, time] : choice.seconds)
    if (time > 0) seconds[std::string(what)] = time;
  return {{"storage", config::choice_name(choice.storage)},
          {"streamed", choice.is_streamed},
          {"optimizer", choice.optimizer},
          {"optimizer_resident", choice.is_optimizer_on_host ? "host" : "device"},
          {"recomputation", config::choice_name(choice.recomputation)},
          {"gradient_path", to_string(choice.path)},
          {"max_tokens_per_forward", choice.max_tokens_per_forward},
          {"tokens_per_forward", choice.tokens_per_forward},
          {"pairwise_copies", choice.pairwise_copies},
          {"head_rows", choice.head_rows},
          {"reference_cached", choice.is_reference_cached},
          {"configured", choice.is_configured},
          {"fits", choice.memory.fits()},
          {"peak_bytes", choice.memory.peak_bytes()},
          {"moment", choice.memory.moment},
          {"host_bytes", choice.host_bytes},
          {"locked_host_bytes", choice.locked_host_bytes},
          {"same_numbers", choice.has_same_numbers},
          {"bytes", bytes},
          {"seconds_per_step", choice.seconds_per_step()},
          {"seconds", seconds},
          {"changes", changes_of(choice, now)}};
}

bool is_within(const StepChoice& choice, double seconds) {
  return choice.memory.fits() && (seconds == 0 || choice.seconds_per_step() <= seconds);
}

/// By key the most copies that memory and time allow.
std::vector<const FewerCopies*> fewer_that_do(const AskedStage& stage, double seconds) {
  std::vector<const FewerCopies*> best;
  for (const FewerCopies& fewer : stage.plan.fewer)
    if (is_within(fewer.choice, seconds) && (best.empty() || best.back()->key != fewer.key))
      best.push_back(&fewer);
  return best;
}

/// Where not the way of the file, nor any other with its numbers, does.
void propose_fewer(const AskedStage& stage, double seconds, std::vector<std::string>& lines) {
  const std::vector<StepChoice>& choices = stage.plan.choices;
  const StepChoice& now = choices.front();
  if (is_within(now, seconds)) return;
  const bool another_does = std::ranges::any_of(choices, [&](const StepChoice& choice) {
    return choice.has_same_numbers && is_within(choice, seconds);
  });
  const std::vector<const FewerCopies*> fewer = fewer_that_do(stage, seconds);
  if (seconds > 0)
    lines.push_back(message("a step may take ", rounded_text(seconds, 3),
                            " s, and the file's takes ", rounded_text(now.seconds_per_step(), 3),
                            another_does    ? " s: another way below takes less"
                            : fewer.empty() ? " s: no number of copies takes less"
                                            : " s"));
  for (const FewerCopies* one : fewer)
    lines.push_back(message("fewer copies (", one->copies_per_text, " in the place of ",
                            stage.plan.copies_per_text, "), a noisier score: ", one->key, " = ",
                            one->value, " (", bytes_text(one->choice.memory.peak_bytes()), ", ",
                            rounded_text(one->choice.seconds_per_step(), 3), " s a step)"));
}

/// Where no way fits: what no row and no text changes is told apart from what they do.
std::string what_may_fit(const std::vector<StepChoice>& choices) {
  const auto least = std::ranges::min_element(choices, {}, &StepChoice::held_bytes);
  const bool is_held = least->held_bytes > least->memory.budget_bytes;
  return message(
      is_held ? message("weights, gradients and the optimizer's states alone take ",
                        bytes_text(least->held_bytes), ": a larger budget")
              : std::string("a larger budget, fewer rows a micro-batch, shorter texts"),
      choices.front().trains_weights ? ", or an adapter in the place of all weights" : "");
}

/// What the planner proposes and never does by itself.
std::vector<std::string> proposals_of(const AskedStage& stage, double seconds) {
  const std::vector<StepChoice>& choices = stage.plan.choices;
  const StepChoice& now = choices.front();
  std::vector<std::string> lines;
  const auto propose = [&](std::string_view why, const StepChoice& choice) {
    std::string keys;
    for (const std::string& key : changes_of(choice, now)) keys += (keys.empty() ? "" : ", ") + key;
    if (keys.empty()) return;
    lines.push_back(message(
        why, keys, " (", bytes_text(choice.memory.peak_bytes()), ", ",
        choice.host_bytes > 0 ? message(bytes_text(choice.host_bytes), " on the host, ") : "",
        rounded_text(choice.seconds_per_step(), 3), " s a step)"));
  };
  const std::vector<std::size_t> fit = fitting(choices);
  if (fit.empty()) {
    const StepChoice& least = choices[least_of(choices)];
    propose("nothing fits; the least holds: ", least);
    lines.push_back(what_may_fit(choices));
    propose_fewer(stage, seconds, lines);
    return lines;
  }
  const auto first = [&](bool has_same_numbers, bool is_cached) -> const StepChoice* {
    const auto found = std::ranges::find_if(fit, [&](std::size_t i) {
      return (choices[i].has_same_numbers || !has_same_numbers) &&
             (choices[i].is_reference_cached == now.is_reference_cached || is_cached);
    });
    return found == fit.end() ? nullptr : &choices[*found];
  };
  const StepChoice *same = first(true, false), *shared = first(true, true),
                   *other = first(false, false);
  if (same) propose("fastest with the same numbers: ", *same);
  // One run alone makes its reference's scores before the first step in the place of within.
  if (shared != same) propose("where several runs share the reference's scores: ", *shared);
  if (other && !other->has_same_numbers) propose("fastest, with other numbers: ", *other);
  propose_fewer(stage, seconds, lines);
  return lines;
}

/// A proposal in lines of at most `width` columns, broken behind a comma.
std::string wrapped(const std::string& line, int width) {
  const auto limit = static_cast<std::size_t>(width);
  std::string text, last = "  ";
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t comma = line.find(", ", at);
    const std::string piece = line.substr(at, comma == line.npos ? comma : comma + 2 - at);
    if (last.size() + piece.size() > limit + 1 && last.size() > 4) {  // its last may be a space
      text += last.substr(0, last.size() - 1) + "\n";
      last = "    ";
    }
    last += piece;
    at += piece.size();
  }
  return text + last + "\n";
}

}  // namespace

Json choices_json(const LoadedExperiment& loaded, const Registry& registry,
                  const AskedDevice& device, double seconds) {
  const DeviceProfile& profile = device.profile;
  Json stages = Json::array();
  for (const AskedStage& stage : asked_stages(loaded, registry, device)) {
    const std::vector<StepChoice>& choices = stage.plan.choices;
    Json list = Json::array();
    for (const StepChoice& choice : choices) list.push_back(json_of(choice, choices.front()));
    const std::vector<std::size_t> fit = fitting(choices);
    Json fewer = Json::array();
    for (const FewerCopies& one : stage.plan.fewer)
      fewer.push_back({{"key", one.key},
                       {"value", one.value},
                       {"now", one.now},
                       {"copies_per_text", one.copies_per_text},
                       {"peak_bytes", one.choice.memory.peak_bytes()},
                       {"seconds_per_step", one.choice.seconds_per_step()},
                       {"fits", is_within(one.choice, seconds)}});
    stages.push_back({{"stage", stage.name},
                      {"kind", stage.kind},
                      {"lengths", stage.plan.lengths},
                      {"note", stage.plan.note},
                      {"steps", stage.plan.steps},
                      {"copies_per_text", stage.plan.copies_per_text},
                      {"configured", 0},
                      {"fastest_that_fits", fit.empty() ? Json() : Json(fit.front())},
                      {"least_bytes", choices[least_of(choices)].memory.peak_bytes()},
                      {"proposals", proposals_of(stage, seconds)},
                      {"fewer", fewer},
                      {"choices", list}});
  }
  return {{"name", loaded.experiments.front().options.name},
          {"device", profile.name},
          {"kind", profile.kind},
          {"profile_source", profile.source},
          {"budget_bytes", device.budget.bytes},
          {"asked_budget_bytes",
           device.asked_budget_bytes > 0 ? Json(device.asked_budget_bytes) : Json()},
          {"notes", device.notes},
          {"seconds_limit", seconds > 0 ? Json(seconds) : Json()},
          {"stages", stages}};
}

std::string choices_text(const LoadedExperiment& loaded, const Registry& registry,
                         const AskedDevice& device, double seconds, int width) {
  const DeviceProfile& profile = device.profile;
  std::ostringstream text;
  text << loaded.experiments.front().options.name << " on " << profile.name << " (" << profile.kind
       << "), budget " << bytes_text(device.budget.bytes) << "\n";
  for (const std::string& note : device.notes) text << note << "\n";
  const std::vector<AskedStage> stages = asked_stages(loaded, registry, device);
  for (const AskedStage& stage : stages) {
    const std::vector<StepChoice>& choices = stage.plan.choices;
    text << "\nstage " << stage.name << ", " << stage.plan.lengths << ": "
         << fitting(choices).size() << " of " << choices.size() << " ways fit\n"
         << stage.plan.note << choices_table(choices, width);
    for (const std::string& line : proposals_of(stage, seconds)) text << wrapped(line, width);
  }
  if (stages.empty())
    text << "\nno stage of the file trains: nothing is planned\n";
  else
    text << "\nSeconds are work over the profile's rates, not measured.\n";
  return text.str();
}

}  // namespace lldm
