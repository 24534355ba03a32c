// SPDX-License-Identifier: MIT
#include "lldm/storage/run_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"

namespace lldm {
namespace {

std::string holder_text() {
  char host[256] = "unknown";
  ::gethostname(host, sizeof host - 1);
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char time[32];
  std::strftime(time, sizeof time, "%Y-%m-%d %H:%M:%S UTC", &utc);
  return message("host ", host, ", pid ", ::getpid(), ", since ", time, "\n");
}

std::string holder_of(const std::filesystem::path& file) {
  try {
    auto text = read_file(file);
    text = text.substr(0, text.find('\n'));
    return text.empty() ? "not named" : text;
  } catch (const FileError&) {
    return "not named";
  }
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& run_dir) {
  const auto file = run_dir / "run.lock";
  handle_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (handle_ < 0) {
    const int code = errno;
    throw FileError(message("cannot open \"", file.string(), "\": ", std::strerror(code)), file,
                    code);
  }
  if (::flock(handle_, LOCK_EX | LOCK_NB) != 0) {
    const int code = errno;
    ::close(handle_);
    if (code == EWOULDBLOCK)
      throw Error(message("\"", run_dir.string(), "\" is in use by another process\n  holder: ",
                          holder_of(file), "\n  wait for it, stop it, or give another --out"));
    throw FileError(message("cannot lock \"", file.string(), "\": ", std::strerror(code),
                            "\n  put the run folder on a file system with locks"),
                    file, code);
  }
  const auto text = holder_text();
  if (::ftruncate(handle_, 0) != 0 ||
      ::pwrite(handle_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    const int code = errno;
    ::close(handle_);
    throw FileError(message("cannot write \"", file.string(), "\": ", std::strerror(code)), file,
                    code);
  }
}

RunLock::~RunLock() {
  if (handle_ >= 0) ::close(handle_);
}

}  // namespace lldm
