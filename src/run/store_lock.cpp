// SPDX-License-Identifier: MIT
#include "run/store_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"

namespace lldm {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& file, int code) {
  throw FileError(message("cannot ", what, " \"", file.string(), "\": ", std::strerror(code)), file,
                  code);
}

/// A store that this user may only read can still be locked for reading.
int open_lock(const std::filesystem::path& file) {
  int handle = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (handle < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
    handle = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (handle < 0) fail("open", file, errno);
  return handle;
}

}  // namespace

StoreLock::StoreLock(const std::filesystem::path& file, LockKind kind) : handle_(open_lock(file)) {
  int code = 0;
  do code = ::flock(handle_, kind == LockKind::shared ? LOCK_SH : LOCK_EX) == 0 ? 0 : errno;
  while (code == EINTR);
  if (code == 0) return;
  ::close(handle_);
  fail("lock", file, code);
}

std::optional<StoreLock> StoreLock::try_take(const std::filesystem::path& file) {
  const int handle = open_lock(file);
  if (::flock(handle, LOCK_EX | LOCK_NB) == 0) return StoreLock(handle);
  const int code = errno;
  ::close(handle);
  if (code == EWOULDBLOCK) return std::nullopt;
  fail("lock", file, code);
}

StoreLock::~StoreLock() {
  if (handle_ >= 0) ::close(handle_);
}

}  // namespace lldm
