// SPDX-License-Identifier: MIT
#include "lldm/storage/run_lock.hpp"

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

RunLock::RunLock(const std::filesystem::path& run_dir)
    : file_(run_dir / "run.lock", LockCall::flock) {
  if (!file_.is_read_only() && !file_.try_lock(LockKind::exclusive))
    throw Error(message("\"", run_dir.string(),
                        "\" is in use by another process\n  holder: ", holder_of(file_.path()),
                        "\n  wait for it, stop it, or give another --out"));
  const int code = file_.is_read_only() ? EACCES : file_.say(holder_text()) ? 0 : errno;
  if (code != 0)
    throw FileError(message("cannot write \"", file_.path().string(), "\": ", std::strerror(code)),
                    file_.path(), code);
}

}  // namespace lldm
