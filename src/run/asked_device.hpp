// SPDX-License-Identifier: MIT
// The device that a plan is made for: its bytes, its rates and its memory are of one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "lldm/experiment/loaded_experiment.hpp"
#include "lldm/memory/device_profile.hpp"

namespace lldm {

struct AskedDevice {
  DeviceProfile profile;
  std::int64_t asked_budget_bytes = 0;  // 0: nothing was asked for
  ByteSize budget = {};                 // what steps may hold
  std::filesystem::path out = {};       // where the run is, or will be: rows that it made
  LoadedExperiment run = {};            // the file as it is run there: without what was asked for
  std::vector<std::string> notes = {};  // what was assumed, or is not as asked for; a line each
};

/// The profile that the file's plans go by.  Where the file leaves its device open (auto), that is
/// the profile's kind; the budget is what was asked for, at most the room that a named device has,
/// and this room where nothing was.  What a run would choose stays: without a budget it fills none.
///
/// Errors  ConfigError where [memory] profile is of another kind than the file's device.
AskedDevice settle_device(LoadedExperiment& loaded);

}  // namespace lldm
