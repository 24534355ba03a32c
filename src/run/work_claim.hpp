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
#include "lldm/storage/lock_file.hpp"

namespace lldm {

/// What the holder of a claim last said.
struct ClaimState {
  std::string host;
  std::int64_t process = 0;
  int signal = 0;           // that it crashed with; 0: it lives, or was killed
  std::int64_t deaths = 0;  // of holders before it, one after another, without a new checkpoint
  std::string checkpoint;   // the newest one when it began, "" for none
  std::string label, unit;
  std::int64_t done = 0, total = 0;  // total 0: not known
  std::vector<std::pair<std::string, double>> metrics;
};

/// OUT/claims/<hash>.lock, locked by the process that does the work (an open file description lock:
/// it ends with the process, however it ends, and works over NFS).
class WorkClaim {
 public:
  /// Takes the claim; nothing if another process has it.  If this process crashes, the signal is
  /// noted in the claim where the program has no handler of its own.
  ///
  /// Errors  FileError where the file system cannot lock.
  static std::optional<WorkClaim> take(const std::filesystem::path& out, const Work& work);
  WorkClaim(WorkClaim&&) noexcept;
  WorkClaim& operator=(WorkClaim&&) = delete;
  ~WorkClaim();

  /// Whoever died while they held it; nothing if the last holder let go of it.
  [[nodiscard]] const std::optional<ClaimState>& dead() const { return dead_; }

  /// Writes what `claim_of` reads.
  void say(const ClaimState& state) const;

 private:
  WorkClaim(LockFile file, const Work& work);
  LockFile file_;
  std::optional<ClaimState> dead_;
  std::int64_t deaths_ = 0;
  std::string checkpoint_;
};

/// The process that died while it held a piece of work; nothing if somebody holds it, or the last
/// holder let go of it.
std::optional<ClaimState> last_holder_of(const std::filesystem::path& out, const Work& work);

/// The holder of a piece of work, nothing if nobody works on it.  Takes no lock itself.
std::optional<ClaimState> claim_of(const std::filesystem::path& out, const Work& work);

}  // namespace lldm
