// SPDX-License-Identifier: MIT
// One call of a user's checker program.  Internal to src/eval.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace lldm::eval {

/// How a call ended.
struct CheckerEnd {
  enum class Kind { exited, signalled, timed_out, wrote_too_much };
  Kind kind = Kind::exited;
  int code = 0;  // exit code, or the signal
  std::string output;
  std::string errors;  // what it wrote on its standard error, the end of it
};

/// A program that is called with words of its own, never by a shell.
class CheckerCommand {
 public:
  /// `words[0]` is looked up as a shell would (PATH, or a path relative to `folder`).
  /// ConfigError: no words, no such program.
  CheckerCommand(std::vector<std::string> words, std::filesystem::path folder,
                 double timeout_seconds);

  /// Runs it once with `input` on its standard input.
  ///
  /// It has `folder` as working folder, this process's environment, no other open file, and a
  /// process group of its own.  When it ends, however it ends, everything that it has started is
  /// killed (checker_keeper.hpp), and it does not outlive this process.  Error if no process can be
  /// made.
  [[nodiscard]] CheckerEnd run(std::string_view input) const;

 private:
  std::vector<std::string> words_;
  std::filesystem::path program_, folder_;
  double timeout_seconds_;
};

}  // namespace lldm::eval
