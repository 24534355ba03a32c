// SPDX-License-Identifier: MIT
#include "distributed/peers.hpp"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

constexpr std::chrono::milliseconds kBeat(1000), kHurriedBeat(100);
constexpr const char* kDeathsKey = "deaths";  // written by a launcher: {"1": "was killed by ..."}

std::string host_name() {
  char host[256] = "unknown";
  ::gethostname(host, sizeof host - 1);
  return host;
}

std::string text_of(const Peer& peer) {
  const nlohmann::json json = {
      {"host", peer.host},     {"process", peer.process},       {"beat", peer.beat},
      {"left", peer.has_left}, {"second", peer.is_second_hand}, {"code", peer.code},
      {"why", peer.why}};
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Peer peer_of(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  return {.host = json.at("host").get<std::string>(),
          .process = json.at("process").get<std::int64_t>(),
          .beat = json.at("beat").get<std::int64_t>(),
          .has_left = json.at("left").get<bool>(),
          .is_second_hand = json.at("second").get<bool>(),
          .code = json.at("code").get<int>(),
          .why = json.at("why").get<std::string>()};
}

}  // namespace

Peers::Peers(const Rendezvous& meeting, SharedStore store, double patience_seconds)
    : rank_(meeting.rank),
      size_(meeting.size),
      keeps_store_(meeting.keeps_store),
      place_(message(meeting.host, ":", meeting.port)),
      store_(std::move(store)),
      own_{.host = host_name(), .process = ::getpid()},
      last_look_(Clock::now().time_since_epoch().count()) {
  for (int r = 0; r < size_; ++r) keys_.push_back(message("rank/", r));
  sign_in(patience_seconds);
  last_ = at_start_;
  heard_.assign(keys_.size(), Clock::now());
  last_look_ = Clock::now().time_since_epoch().count();
  thread_ = std::thread([this] { watch(); });
}

Peers::~Peers() {
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Peers::sign_in(double patience_seconds) {
  const auto end = Clock::now() + std::chrono::duration<double>(patience_seconds);
  const std::string& key = keys_[static_cast<std::size_t>(rank_)];
  if (const auto before = store_.get(key)) {
    const Peer other = peer_of(*before);
    throw ConfigError(message("rank ", rank_, " is taken by pid ", other.process, " of host ",
                              other.host, " at ", place_,
                              "\n  every process needs a RANK of its own, every run a port"));
  }
  store_.set(key, text_of(own_));
  while (!store_.has_all(keys_)) {
    for (const auto& [rank, how] : deaths())
      throw Error(message("rank ", rank, " ", how, " before it had come"));
    if (Clock::now() >= end) {
      std::string missing;
      for (int r = 0; r < size_; ++r)
        if (!store_.has_all({keys_[static_cast<std::size_t>(r)]}))
          missing += message(missing.empty() ? "" : ", ", r);
      throw Error(message("of ", size_, " processes these have not come to ", place_, " within ",
                          patience_seconds, " s: rank ", missing));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  for (const std::string& text : store_.get_all(keys_)) at_start_.push_back(peer_of(text));
}

std::map<int, std::string> Peers::deaths() {
  std::map<int, std::string> ends;
  const std::optional<std::string> text = store_.get(kDeathsKey);
  if (!text) return ends;
  const auto json = nlohmann::json::parse(*text);
  for (const auto& [rank, how] : json.items()) ends[std::stoi(rank)] = how.get<std::string>();
  return ends;
}

std::string Peers::name_of(int rank) const {
  const Peer& peer = at_start_.at(static_cast<std::size_t>(rank));
  return message("rank ", rank, " (host ", peer.host, ", pid ", peer.process, ")");
}

void Peers::note(const std::string& verdict) {
  const std::lock_guard lock(mutex_);
  if (verdict_.empty()) verdict_ = verdict;
  changed_.notify_all();
}

void Peers::note_death(const std::string& verdict) {
  note(verdict);
  const std::lock_guard lock(mutex_);
  if (!death_) death_ = Clock::now();
}

void Peers::when_stuck(std::function<void(const std::string&)> handler) {
  const std::lock_guard lock(mutex_);
  when_stuck_ = std::move(handler);
}

void Peers::tell_if_stuck() {
  std::unique_lock lock(mutex_);
  if (!death_ || own_.has_left || !when_stuck_ || Clock::now() - *death_ < kPatience) return;
  const auto handler = std::exchange(when_stuck_, nullptr);
  const std::string verdict = verdict_;
  lock.unlock();
  handler(verdict);
}

std::string Peers::verdict() const {
  const std::lock_guard lock(mutex_);
  if (!verdict_.empty()) return verdict_;
  const Clock::time_point looked{Clock::duration(last_look_.load())};
  // A store that neither answers nor refuses: its machine is gone.
  if (Clock::now() - looked > kSilence + std::chrono::seconds(5))
    return message("the store at ", place_, " does not answer");
  return "";
}

std::string Peers::await_verdict(const std::string& otherwise) {
  std::unique_lock lock(mutex_);
  is_hurried_ = true;
  changed_.notify_all();
  changed_.wait_for(lock, kSilence + std::chrono::seconds(3), [&] { return !verdict_.empty(); });
  return verdict_.empty() ? otherwise : verdict_;
}

void Peers::leave(int code, const std::string& why, bool is_second_hand) {
  std::unique_lock lock(mutex_);
  own_.has_left = true;
  own_.code = code;
  own_.why = why;
  own_.is_second_hand = is_second_hand;
  is_hurried_ = true;
  const std::int64_t beat = own_.beat;
  changed_.notify_all();
  // Told when the thread has gone round once more.
  changed_.wait_for(lock, std::chrono::seconds(2), [&] { return own_.beat > beat + 1; });
}

void Peers::await_others(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [&] {
    for (int r = 0; r < size_; ++r) {
      const auto i = static_cast<std::size_t>(r);
      if (r != rank_ && !last_[i].has_left && Clock::now() - heard_[i] < kSilence) return false;
    }
    return true;
  });
}

void Peers::watch() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, is_hurried_ ? kHurriedBeat : kBeat, [&] { return is_ending_; });
      if (is_ending_) return;
    }
    tell_if_stuck();
    try {
      look();
    } catch (const std::exception&) {
      const std::string verdict =
          keeps_store_ ? "the store that this process keeps has failed"
                       : message("the store at ", place_,
                                 " is gone, and who keeps it: ", name_of(0), ", or the launcher");
      if (last_.front().has_left)
        note(verdict);
      else
        note_death(verdict);
      std::this_thread::sleep_for(kHurriedBeat);
    }
  }
}

void Peers::look() {
  std::string own;
  {
    const std::lock_guard lock(mutex_);
    ++own_.beat;
    own = text_of(own_);
  }
  store_.set(keys_[static_cast<std::size_t>(rank_)], own);
  const std::vector<std::string> texts = store_.get_all(keys_);
  for (int r = 0; r < size_; ++r)
    if (r != rank_) judge(r, peer_of(texts[static_cast<std::size_t>(r)]));
  // What a process said itself says more.
  for (const auto& [rank, how] : deaths()) {
    if (rank == rank_) continue;
    const std::string verdict = message(name_of(rank), " ", how);
    if (last_[static_cast<std::size_t>(rank)].has_left)
      note(verdict);
    else
      note_death(verdict);
  }
  last_look_ = Clock::now().time_since_epoch().count();
  changed_.notify_all();
}

void Peers::judge(int rank, const Peer& now) {
  const auto i = static_cast<std::size_t>(rank);
  const auto time = Clock::now();
  std::chrono::duration<double> silence{};
  {
    const std::lock_guard lock(mutex_);
    if (now.beat != last_[i].beat || now.has_left) heard_[i] = time;
    last_[i] = now;
    silence = time - heard_[i];
  }
  if (now.has_left && now.code != 0)
    note(now.is_second_hand ? now.why : message(name_of(rank), ": ", now.why));
  else if (silence > kSilence)
    note_death(message(name_of(rank), " has said nothing for ", kSilence.count(),
                       " s: it was killed, or its machine is gone"));
}

}  // namespace lldm
