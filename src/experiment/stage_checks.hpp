// SPDX-License-Identifier: MIT
// What a stage's table and its references must be, beside the options themselves.
#pragma once

#include "lldm/config/diagnostics.hpp"
#include "lldm/experiment/experiment.hpp"

namespace lldm {

/// A stage's name, and keys of its own table (without defaults) that what it does does not read.
void check_stage_table(const Stage& stage, const config::Value& table,
                       config::Diagnostics& diagnostics);

/// Pairs from a source that makes none: a task's generator makes one answer to a prompt.
void check_stage_rows(const Stage& stage, const config::Value& table,
                      config::Diagnostics& diagnostics);

/// Every stage that is read stands earlier in the file, and no name stands twice.
void check_references(const Experiment& experiment, config::Diagnostics& diagnostics);

/// A name that the report, a plot's file and a scheduler's job can bear.
void check_experiment_name(const std::string& name, const config::Value& root,
                           config::Diagnostics& diagnostics);

}  // namespace lldm
