// SPDX-License-Identifier: MIT
#include "run/asked_device.hpp"

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/memory/device.hpp"
#include "run/find_rows.hpp"
#include "stage/training_memory.hpp"

namespace lldm {
namespace {

/// What no profile says of the file's device.
std::string assumed(const std::string& wish, const DeviceProfile& profile) {
  return message("device = ", config::in_quotes(wish),
                 ", and no profile is named: rates and memory ", "are those of ", profile.name,
                 ", which may be another device; --device or "
                 "[memory] profile names one");
}

std::string capped(std::int64_t asked, std::int64_t planned, const DeviceProfile& profile) {
  if (asked < profile.memory.total.bytes && profile.kind != "cpu")
    return message("of a budget of ", bytes_text(asked), ", ",
                   bytes_text(profile.memory.context.bytes),
                   " are driver and libraries: planned with ", bytes_text(planned));
  return message("a budget of ", bytes_text(asked), " is more than ", profile.name,
                 " has: planned with ", bytes_text(profile.room().bytes), " (",
                 bytes_text(profile.memory.total.bytes), " less ",
                 bytes_text(profile.memory.context.bytes), " of driver and libraries)");
}

}  // namespace

AskedDevice settle_device(LoadedExperiment& loaded) {
  const ExperimentOptions& file = loaded.experiments.front().options;
  const std::string wish = file.device;
  const bool is_open = wish == "auto", is_named = !file.memory.profile.empty();
  AskedDevice asked{.profile = profile_of(file, is_open ? "cpu" : device_kind(wish)),
                    .asked_budget_bytes = file.memory.budget.bytes};
  const DeviceProfile& profile = asked.profile;
  if (!is_open && device_kind(wish) != profile.kind)
    throw ConfigError(message(
        "[memory] profile ", config::in_quotes(profile.name), " is of ", profile.kind,
        ", the file computes on ", config::in_quotes(wish), "\n  --device ", file.memory.profile,
        " plans for that device; device = ", config::in_quotes(profile.kind), " runs there"));
  if (const std::string first = first_of(loaded.cells.size()); !first.empty())
    asked.notes.push_back(first);
  if (!is_named && wish != "cpu") asked.notes.push_back(assumed(wish, profile));
  const std::int64_t bytes = asked.asked_budget_bytes, context = profile.memory.context.bytes;
  if (profile.kind != "cpu" && bytes > 0 && bytes <= context)
    throw ConfigError(message("a budget of ", bytes_text(bytes),
                              " does not hold the driver and the libraries of ", profile.name, ", ",
                              bytes_text(context), "\n  steps have what is above them"));
  asked.budget = profile.room();
  if (bytes > 0 && (!is_named || bytes <= asked.budget.bytes))
    asked.budget = profile.usable({bytes});
  if (bytes > asked.budget.bytes) asked.notes.push_back(capped(bytes, asked.budget.bytes, profile));
  for (Experiment& experiment : loaded.experiments) {
    if (is_open) experiment.options.device = profile.kind;
    if (bytes > 0 && profile.kind == "cpu") experiment.options.memory.budget = asked.budget;
  }
  return asked;
}

}  // namespace lldm
