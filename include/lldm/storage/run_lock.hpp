// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

#include "lldm/storage/lock_file.hpp"

namespace lldm {

/// Holds a run folder for one process: flock on DIR/run.lock, which also names the holder.  The
/// lock ends with the object or with the process, however it ends; the file stays.
///
/// Errors  Error if another holder has it (host and pid are named) or the file system cannot lock.
class RunLock {
 public:
  explicit RunLock(const std::filesystem::path& run_dir);

 private:
  LockFile file_;
};

}  // namespace lldm
