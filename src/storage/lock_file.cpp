// SPDX-License-Identifier: MIT
#include "lldm/storage/lock_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "lldm/storage/files.hpp"

namespace lldm {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& file, int code,
                       const char* remedy = "") {
  throw FileError(
      message("cannot ", what, " \"", file.string(), "\": ", std::strerror(code), remedy), file,
      code);
}

struct flock whole_file(int type) {
  struct flock lock = {};  // zero length: to the end, whatever is written
  lock.l_type = static_cast<short>(type);
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

LockFile::LockFile(std::filesystem::path path, LockCall call, int flags)
    : path_(std::move(path)), call_(call) {
  flags |= O_CLOEXEC | O_NONBLOCK;  // never waits for the other end of a pipe
  handle_ = ::open(path_.c_str(), O_RDWR | O_CREAT | flags, 0666);
  is_read_only_ = handle_ < 0 && (errno == EACCES || errno == EROFS || errno == EPERM);
  if (is_read_only_) handle_ = ::open(path_.c_str(), O_RDONLY | flags);
  if (handle_ < 0) fail("open", path_, errno);
}

std::optional<LockFile> LockFile::existing(const std::filesystem::path& path, LockCall call) {
  const int handle = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (handle < 0) return std::nullopt;
  return LockFile(path, call, handle, true);
}

LockFile::LockFile(LockFile&& other) noexcept
    : path_(std::move(other.path_)),
      call_(other.call_),
      handle_(std::exchange(other.handle_, -1)),
      is_read_only_(other.is_read_only_) {}

LockFile::~LockFile() {
  if (handle_ >= 0) ::close(handle_);
}

int LockFile::attempt(LockKind kind, bool waits) const {
  const bool is_shared = kind == LockKind::shared;
  if (call_ == LockCall::ofd && !is_shared && is_read_only_) return EACCES;
  while (true) {
    int result = 0;
    if (call_ == LockCall::flock) {
      result = ::flock(handle_, (is_shared ? LOCK_SH : LOCK_EX) | (waits ? 0 : LOCK_NB));
    } else {
      struct flock lock = whole_file(is_shared ? F_RDLCK : F_WRLCK);
      result = ::fcntl(handle_, waits ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
    }
    if (result == 0) return 0;
    if (errno != EINTR) return errno;
  }
}

void LockFile::lock(LockKind kind) const {
  if (const int code = attempt(kind, true))
    fail("lock", path_, code, "\n  put it on a file system with locks");
}

bool LockFile::try_lock(LockKind kind) const {
  const int code = attempt(kind, false);
  if (code == EWOULDBLOCK) return false;
  if (code != 0) fail("lock", path_, code, "\n  put it on a file system with locks");
  return true;
}

void LockFile::unlock() const noexcept {
  if (call_ == LockCall::flock) {
    ::flock(handle_, LOCK_UN);
  } else {
    struct flock lock = whole_file(F_UNLCK);
    ::fcntl(handle_, F_OFD_SETLK, &lock);
  }
}

std::optional<bool> LockFile::is_held_elsewhere() const {
  struct flock lock = whole_file(F_WRLCK);
  if (call_ != LockCall::ofd || ::fcntl(handle_, F_OFD_GETLK, &lock) != 0) return std::nullopt;
  return lock.l_type != F_UNLCK;
}

bool LockFile::say(std::string_view text) const noexcept {
  return ::pwrite(handle_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
         ::ftruncate(handle_, static_cast<off_t>(text.size())) == 0;
}

}  // namespace lldm
