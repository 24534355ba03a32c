// SPDX-License-Identifier: MIT
#include "lldm/track/logger.hpp"

namespace lldm {

Logger& null_logger() {
  struct Silent final : Logger {
    void info(std::string_view) override {}
    void warning(std::string_view) override {}
  };
  static Silent silent;  // stateless: nothing global is changed through it
  return silent;
}

}  // namespace lldm
