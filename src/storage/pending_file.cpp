// SPDX-License-Identifier: MIT
#include "storage/pending_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"

namespace lldm {
namespace {

constexpr std::size_t kMaxChunkBytes = std::size_t{1} << 30;  // one call writes at most 2 GiB

[[noreturn]] void fail(const std::filesystem::path& path, const char* action, int code) {
  throw FileError(message(path.string(), ": cannot be ", action, ": ", std::strerror(code)), path,
                  code);
}

void sync_folder(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool is_synced = descriptor >= 0 && ::fsync(descriptor) == 0;
  const int reason = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (!is_synced) fail(folder, "synchronised", reason);
}

}  // namespace

PendingFile::PendingFile(const std::filesystem::path& path)
    : path_(path), temporary_(path.string() + ".partial-" + std::to_string(::getpid())) {
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail(path, "created", errno);
}

PendingFile::~PendingFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!is_published_) ::unlink(temporary_.c_str());
}

void PendingFile::write(const void* source, std::size_t bytes) {
  const auto* in = static_cast<const char*>(source);
  while (bytes > 0) {
    const auto put = ::write(descriptor_, in, std::min(bytes, kMaxChunkBytes));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail(path_, "written", errno);
    in += put, bytes -= static_cast<std::size_t>(put);
  }
}

void PendingFile::publish() {
  const bool is_synced = ::fsync(descriptor_) == 0;
  const bool is_closed = ::close(std::exchange(descriptor_, -1)) == 0;
  if (!is_synced || !is_closed || ::rename(temporary_.c_str(), path_.c_str()) != 0)
    fail(path_, "written", errno);
  is_published_ = true;
  sync_folder(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
}

}  // namespace lldm
