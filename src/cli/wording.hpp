// SPDX-License-Identifier: MIT
// The words of a command that runs a one-stage experiment which its user never sees.
#pragma once

#include <filesystem>
#include <string>

#include "lldm/track/logger.hpp"

namespace lldm::cli {

/// Says what the run of `file` says in the words of the command line that wrote it: a place in the
/// file becomes the option that it was written from, the stage's name goes, and a remedy becomes
/// one that the command has.
class Wording {
 public:
  /// `command`: "sample".  `file`: what the command wrote; it must be there when a text names it.
  Wording(std::string command, std::filesystem::path file)
      : command_(std::move(command)), file_(std::move(file)) {}

  [[nodiscard]] std::string said(const std::string& text) const;

  /// Calls `run`; its errors keep their kind and are said in the command's words.
  template <class Run>
  void translate(const Run& run) const {
    try {
      run();
    } catch (const std::exception& error) {
      rethrow(error);
    }
  }

 private:
  /// Throws the exception that is being handled anew.
  [[noreturn]] void rethrow(const std::exception& error) const;
  /// "--samples" for the line `samples_per_prompt = 0`.
  [[nodiscard]] std::string option_at(std::size_t line) const;

  std::string command_;
  std::filesystem::path file_;
};

/// Hands on what is logged, in the command's words; what was only written to be read back, by the
/// command itself, is not told.
class WordedLogger final : public Logger {
 public:
  WordedLogger(Logger& logger, const Wording& wording) : logger_(logger), wording_(wording) {}
  void info(std::string_view text) override;
  void warning(std::string_view text) override;

 private:
  Logger& logger_;
  const Wording& wording_;
};

}  // namespace lldm::cli
