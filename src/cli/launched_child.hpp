// SPDX-License-Identifier: MIT
// One process that `lldm launch` starts.
#pragma once

#include <sys/types.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

namespace lldm::cli {

/// Signals that the children are sent when the launcher gets them.
inline constexpr std::array<int, 4> kPassedOn = {SIGINT, SIGTERM, SIGUSR1, SIGHUP};

/// What one of a child's streams says, line by line.
struct Stream {
  int handle = -1;
  std::ostream* to = nullptr;
  std::string line = {};
};

struct Child {
  pid_t process = -1;
  int rank = 0;
  std::array<Stream, 2> streams = {};
  bool has_ended = false;
};

/// Who a child is among the others, and where they meet.
struct ChildPlace {
  int rank = 0, size = 1;
  std::uint16_t port = 0;
  std::string run = {};  // a name of this launch
};

/// Starts this program again with these words, torchrun's variables beside its environment.
/// Errors  Error: what the system says.
[[nodiscard]] Child start_child(const ChildPlace& place, std::vector<std::string> words);

}  // namespace lldm::cli
