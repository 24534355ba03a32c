// SPDX-License-Identifier: MIT
// Who is doing a piece of work: one process at a time, and what it says of its progress.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lldm/experiment/schedule.hpp"

namespace lldm {

/// What the holder of a claim last said.
struct ClaimState {
  std::string host;
  std::int64_t process = 0;
  std::string label, unit;
  std::int64_t done = 0, total = 0;  // total 0: not known
  std::vector<std::pair<std::string, double>> metrics;
};

/// OUT/claims/<hash>.lock, locked by the process that does the work (an open file description lock:
/// it ends with the process, however it ends, and works over NFS).
class WorkClaim {
 public:
  /// Takes the claim; nothing if another process has it.  FileError where the file system cannot
  /// lock.
  static std::optional<WorkClaim> take(const std::filesystem::path& out, const Work& work);
  WorkClaim(WorkClaim&& other) noexcept : handle_(other.handle_) { other.handle_ = -1; }
  WorkClaim& operator=(WorkClaim&&) = delete;
  ~WorkClaim();

  /// Writes what `claim_of` reads.
  void say(const ClaimState& state) const;

 private:
  explicit WorkClaim(int handle) : handle_(handle) {}
  int handle_;
};

/// The process that died while it held a piece of work; nothing if somebody holds it, or the last
/// holder let go of it.
std::optional<ClaimState> last_holder_of(const std::filesystem::path& out, const Work& work);

/// The holder of a piece of work, nothing if nobody works on it.  Takes no lock itself.
std::optional<ClaimState> claim_of(const std::filesystem::path& out, const Work& work);

}  // namespace lldm
