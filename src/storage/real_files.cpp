// SPDX-License-Identifier: MIT
// FileOps on POSIX.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "lldm/storage/files.hpp"

namespace lldm {
namespace {

[[noreturn]] void fail(std::string_view action, const std::filesystem::path& path, int code) {
  throw FileError(message("cannot ", action, " \"", path.string(), "\": ", std::strerror(code)),
                  path, code);
}

std::filesystem::path path_of(int handle) {
  std::error_code ignored;
  auto path = std::filesystem::read_symlink(message("/proc/self/fd/", handle), ignored);
  return path.empty() ? std::filesystem::path(message("file ", handle)) : path;
}

class RealFileOps final : public FileOps {
 public:
  Handle open(const std::filesystem::path& path, WriteMode mode) override {
    const int flags =
        O_WRONLY | O_CREAT | O_CLOEXEC | (mode == WriteMode::append ? O_APPEND : O_TRUNC);
    const int handle = ::open(path.c_str(), flags, 0666);
    if (handle < 0) fail("open", path, errno);
    return handle;
  }

  void write(Handle handle, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::write(handle, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        const int code = errno;
        fail("write", path_of(handle), code);
      }
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  void sync(Handle handle) override {
    if (::fsync(handle) == 0) return;
    const int code = errno;
    fail("sync", path_of(handle), code);
  }

  void close(Handle handle) noexcept override { ::close(handle); }

  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) fail("rename to", to, errno);
  }

  bool exchange(const std::filesystem::path& a, const std::filesystem::path& b) override {
    if (::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0) return true;
    if (errno == EINVAL || errno == ENOSYS || errno == EXDEV) return false;
    fail("replace", b, errno);
  }

  void remove(const std::filesystem::path& path) override {
    if (::remove(path.c_str()) != 0) fail("remove", path, errno);
  }

  void make_folder(const std::filesystem::path& path) override {
    if (::mkdir(path.c_str(), 0777) != 0) fail("make folder", path, errno);
  }

  void sync_folder(const std::filesystem::path& path) override {
    const int handle =
        ::open(path.empty() ? "." : path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) fail("open folder", path, errno);
    const int code = ::fsync(handle) == 0 ? 0 : errno;
    ::close(handle);
    if (code == EINVAL || code == ENOTSUP) return;  // this file system has no such promise to make
    if (code != 0) fail("sync folder", path, code);
  }

  std::uint64_t free_bytes(const std::filesystem::path& path) override {
    struct statvfs room{};
    if (::statvfs(path.empty() ? "." : path.c_str(), &room) != 0)
      fail("ask free space of", path, errno);
    return static_cast<std::uint64_t>(room.f_bavail) * room.f_frsize;
  }
};

}  // namespace

FileOps& real_file_ops() {
  static RealFileOps ops;  // stateless
  return ops;
}

}  // namespace lldm
