// SPDX-License-Identifier: MIT
// What the commands of data have in common.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "cli/command.hpp"
#include "lldm/concepts/any_task.hpp"
#include "lldm/concepts/tokenizer.hpp"
#include "lldm/data/rows.hpp"
#include "lldm/data/template.hpp"
#include "lldm/registry/registry.hpp"

namespace lldm::cli {

/// --columns and --format.
RowReaderOptions reader_of(const Arguments& arguments);

/// The value of --`option`; ConfigError "lldm data COMMAND: WHAT" where it is not given.
std::string required(const Arguments& arguments, const char* command, const char* option,
                     const char* what);

/// While it lives, a first interrupt ends the command at the next `check`, so that what it had
/// begun to write is removed.
class StopGuard {
 public:
  StopGuard();
  ~StopGuard();
  /// Stopped (exit code 75), once somebody asked for it.
  void check();

 private:
  std::unique_ptr<class TerminalObserver> observer_;
};

/// --tokenizer: a model folder, a tokenizer's file, or "bytes"; null where it is not given.
std::shared_ptr<const Tokenizer> tokenizer_of(const Arguments& arguments);
/// The template of that folder, where --tokenizer is one that says how prompts are written.
TemplateOptions template_beside(const Arguments& arguments);

/// The task of `name` with the options of --set.
AnyTask task_named(const Arguments& arguments, const std::string& name, const Registry& registry,
                   std::uint64_t seed);

}  // namespace lldm::cli
