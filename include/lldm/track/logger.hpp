// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace lldm {

/// Where the library says things: it never prints by itself.  The command line passes one that
/// writes to stderr; an embedder passes their own or `null_logger()`.
class Logger {
 public:
  virtual ~Logger() = default;
  virtual void info(std::string_view text) = 0;
  virtual void warning(std::string_view text) = 0;
};

Logger& null_logger();

}  // namespace lldm
