// SPDX-License-Identifier: MIT
#include "run/work_claim.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"

namespace lldm {
namespace {

std::filesystem::path file_of(const std::filesystem::path& out, const Work& work) {
  return out / "claims" / (work.hash.substr(0, 16) + ".lock");
}

struct flock whole_file(short type) {
  struct flock lock = {};  // zero length: to the end, whatever is written
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  return lock;
}

ClaimState parsed(const std::string& text) {
  ClaimState state;
  try {
    const auto json = nlohmann::json::parse(text);
    state.host = json.at("host").get<std::string>();
    state.process = json.at("process").get<std::int64_t>();
    state.label = json.value("label", "");
    state.unit = json.value("unit", "");
    state.done = json.value("done", std::int64_t{0});
    state.total = json.value("total", std::int64_t{0});
    for (const auto& [name, value] : json.at("metrics").items())
      state.metrics.emplace_back(name, value.is_number() ? value.get<double>() : 0.0);
  } catch (const nlohmann::json::exception&) {  // read while it was written: running, no more
  }
  return state;
}

}  // namespace

std::optional<WorkClaim> WorkClaim::take(const std::filesystem::path& out, const Work& work) {
  const auto file = file_of(out, work);
  make_folders(file.parent_path());
  const int handle = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
  if (handle < 0)
    throw FileError(message("cannot open \"", file.string(), "\": ", std::strerror(errno)), file,
                    errno);
  struct flock lock = whole_file(F_WRLCK);
  if (::fcntl(handle, F_OFD_SETLK, &lock) == 0) {
    WorkClaim claim(handle);  // only now: its end empties the file
    claim.say({});
    return claim;
  }
  const int code = errno;
  ::close(handle);
  if (code == EAGAIN || code == EACCES) return std::nullopt;
  throw FileError(message("cannot lock \"", file.string(), "\": ", std::strerror(code),
                          "\n  put the run folder on a file system with locks"),
                  file, code);
}

WorkClaim::~WorkClaim() {
  if (handle_ < 0) return;
  static_cast<void>(::ftruncate(handle_, 0) == 0);  // let go of, not lost
  ::close(handle_);
}

void WorkClaim::say(const ClaimState& state) const {
  char host[256] = "unknown";
  ::gethostname(host, sizeof host - 1);
  nlohmann::json json = {{"host", host},
                         {"process", ::getpid()},
                         {"label", state.label},
                         {"unit", state.unit},
                         {"done", state.done},
                         {"total", state.total},
                         {"metrics", nlohmann::json::object()}};
  for (const auto& [name, value] : state.metrics) json["metrics"][name] = value;
  const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // News, not results: a failure to write it costs the display only.
  if (::pwrite(handle_, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()))
    static_cast<void>(::ftruncate(handle_, static_cast<off_t>(text.size())) == 0);
}

namespace {

/// What a claim's file says, if it is `locked` (somebody holds it) or not, as asked.
std::optional<ClaimState> state_of(const std::filesystem::path& file, bool is_locked) {
  const int handle = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (handle < 0) return std::nullopt;
  struct flock lock = whole_file(F_WRLCK);
  const bool is_known = ::fcntl(handle, F_OFD_GETLK, &lock) == 0;
  ::close(handle);
  if (!is_known || (lock.l_type != F_UNLCK) != is_locked) return std::nullopt;
  try {
    return parsed(read_file(file));
  } catch (const FileError&) {
    return ClaimState{};
  }
}

}  // namespace

std::optional<ClaimState> claim_of(const std::filesystem::path& out, const Work& work) {
  return state_of(file_of(out, work), true);
}

std::optional<ClaimState> last_holder_of(const std::filesystem::path& out, const Work& work) {
  auto state = state_of(file_of(out, work), false);
  return state && state->process > 0 ? state : std::nullopt;
}

}  // namespace lldm
