// SPDX-License-Identifier: MIT
#include "run/work_claim.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string_view>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"

namespace lldm {
namespace {

std::filesystem::path file_of(const std::filesystem::path& out, const Work& work) {
  return out / "claims" / (work.hash.substr(0, 16) + ".lock");
}

ClaimState parsed(const std::string& text) {
  ClaimState state;
  try {
    const auto json = nlohmann::json::parse(text);
    state.host = json.at("host").get<std::string>();
    state.process = json.at("process").get<std::int64_t>();
    state.signal = std::stoi(json.value("signal", "0"));
    state.deaths = json.value("deaths", std::int64_t{0});
    state.checkpoint = json.value("checkpoint", "");
    state.label = json.value("label", "");
    state.unit = json.value("unit", "");
    state.done = json.value("done", std::int64_t{0});
    state.total = json.value("total", std::int64_t{0});
    for (const auto& [name, value] : json.at("metrics").items())
      state.metrics.emplace_back(name, value.is_number() ? value.get<double>() : 0.0);
  } catch (const std::exception&) {  // read while it was written: running, no more
  }
  return state;
}

std::string newest_checkpoint(const Work& work) {
  std::string newest;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(work.folder / "checkpoints", none))
    if (const auto name = entry.path().filename().string();
        name.starts_with("step-") && name.find('.') == name.npos)
      newest = std::max(newest, name);
  return newest;
}

constexpr std::string_view kSignalKey = "{\"signal\":\"";  // two digits follow

std::atomic<int> crashing_claim = -1;  // of this process, for the handler

/// Only calls that are safe in a handler.
void note_crash(int signal) {
  const char digits[2] = {static_cast<char>('0' + signal / 10),
                          static_cast<char>('0' + signal % 10)};
  if (const int handle = crashing_claim.load(); handle >= 0)
    static_cast<void>(::pwrite(handle, digits, 2, kSignalKey.size()) == 2);
  ::raise(signal);  // the handler is reset: as if it had not been there
}

void note_crashes() {
  static std::array<char, 1 << 16> stack;  // the process may have none left
  const stack_t own = {.ss_sp = stack.data(), .ss_flags = 0, .ss_size = stack.size()};
  if (stack_t before = {}; ::sigaltstack(nullptr, &before) == 0 && (before.ss_flags & SS_DISABLE))
    ::sigaltstack(&own, nullptr);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) {
    struct sigaction action = {};
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    action.sa_handler = note_crash;
    action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_ONSTACK;
    ::sigaction(signal, &action, nullptr);
  }
}

}  // namespace

std::optional<WorkClaim> WorkClaim::take(const std::filesystem::path& out, const Work& work) {
  const auto file = file_of(out, work);
  make_folders(file.parent_path());
  LockFile lock(file, LockCall::ofd);
  if (!lock.try_lock(LockKind::exclusive)) return std::nullopt;
  return WorkClaim(std::move(lock), work);  // only now: its end empties the file
}

WorkClaim::WorkClaim(LockFile file, const Work& work)
    : file_(std::move(file)), checkpoint_(newest_checkpoint(work)) {
  if (ClaimState last = parsed(read_file(file_.path())); last.process > 0) {
    deaths_ = last.checkpoint == checkpoint_ ? last.deaths + 1 : 1;
    last.deaths = deaths_;
    dead_ = std::move(last);
  }
  say({});
  crashing_claim = file_.handle();
  note_crashes();
}

WorkClaim::WorkClaim(WorkClaim&&) noexcept = default;

WorkClaim::~WorkClaim() {
  if (file_.handle() < 0) return;
  int own = file_.handle();
  crashing_claim.compare_exchange_strong(own, -1);
  static_cast<void>(file_.say(""));  // let go of, not lost
}

void WorkClaim::say(const ClaimState& state) const {
  char host[256] = "unknown";
  ::gethostname(host, sizeof host - 1);
  nlohmann::ordered_json json = {{"signal", "00"},
                                 {"host", host},
                                 {"process", ::getpid()},
                                 {"deaths", deaths_},
                                 {"checkpoint", checkpoint_},
                                 {"label", state.label},
                                 {"unit", state.unit},
                                 {"done", state.done},
                                 {"total", state.total},
                                 {"metrics", nlohmann::json::object()}};
  for (const auto& [name, value] : state.metrics) json["metrics"][name] = value;
  const std::string text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  // News, not results: a failure to write it costs the display only.
  static_cast<void>(file_.say(text));
}

namespace {

/// What a claim's file says, if it is `locked` (somebody holds it) or not, as asked.
std::optional<ClaimState> state_of(const std::filesystem::path& file, bool is_locked) {
  const auto lock = LockFile::existing(file, LockCall::ofd);
  if (!lock || lock->is_held_elsewhere() != is_locked) return std::nullopt;
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
