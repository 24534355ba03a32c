// SPDX-License-Identifier: MIT
#pragma once

#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

namespace lldm::testing {

struct ShellResult {
  int code;            // exit status, -1 if it was killed
  std::string output;  // stdout and stderr
};

inline ShellResult run_shell(const std::string& command) {
  FILE* pipe = ::popen(("{ " + command + "; } 2>&1").c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("popen failed");
  std::string output;
  std::array<char, 4096> buffer;
  while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    output.append(buffer.data(), count);
  const int status = ::pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, output};
}

/// $LLDM_PYTHON or python3.
inline std::string python() {
  const char* path = std::getenv("LLDM_PYTHON");
  return path && *path ? path : "python3";
}

}  // namespace lldm::testing
