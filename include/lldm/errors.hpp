// SPDX-License-Identifier: MIT
// The vocabulary of errors.  The library throws these, never prints and never exits; the command
// line turns them into the exit codes of `exit_code`.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace lldm {

/// Something failed while running.  Exit code 1.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
/// The configuration or the command line is wrong; the text may hold many lines.  Exit code 2.
class ConfigError : public Error {
 public:
  using Error::Error;
};
/// A file the user gave (data row, tokenizer, weights) is wrong.  Exit code 2.
class DataError : public Error {
 public:
  using Error::Error;
};
/// Tensors or plans do not fit together: a mistake of the calling code.  Exit code 1.
class ShapeError : public Error {
 public:
  using Error::Error;
};
/// A budget or the device's memory is exhausted.  Exit code 3.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};
/// A plugin cannot be loaded or broke its contract.  Exit code 4.
class PluginError : public Error {
 public:
  using Error::Error;
};
/// The run was asked to stop (SIGTERM, SIGINT) and saved; the same command resumes it.  Exit
/// code 75.
class Stopped : public Error {
 public:
  using Error::Error;
};

/// Exit code for any exception (docs/definitions.md, law 10).
int exit_code(const std::exception& error) noexcept;

/// Joins its arguments as text: `message("got ", 3, " rows")`.
template <class... Parts>
[[nodiscard]] std::string message(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace lldm
