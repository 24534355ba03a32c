// SPDX-License-Identifier: MIT
// Whether the other processes of a run are still there.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "distributed/shared_store.hpp"

namespace lldm {

/// One process, as the store shows it.
struct Peer {
  std::string host = {};
  std::int64_t process = 0;
  std::int64_t beat = 0;  // grows while it lives
  bool has_left = false;
  bool is_second_hand = false;  // it left because another one was lost: `why` is about that one
  int code = 0;
  std::string why = {};
};

/// Tells the store every second that this process lives, and looks who else does, on a thread of
/// its own.
class Peers {
 public:
  /// Signs in and waits until all have.
  /// Errors  Error naming the ranks that have not come within `patience_seconds`.
  Peers(const Rendezvous& meeting, SharedStore store, double patience_seconds);
  ~Peers();
  Peers(const Peers&) = delete;
  Peers& operator=(const Peers&) = delete;

  [[nodiscard]] const std::vector<Peer>& at_start() const { return at_start_; }
  [[nodiscard]] std::string name_of(int rank) const;

  /// Who is gone and how; "" while all are there.
  [[nodiscard]] std::string verdict() const;
  /// Waits for a verdict on what has gone wrong; `otherwise` if there is none in time.
  [[nodiscard]] std::string await_verdict(const std::string& otherwise);
  void leave(int code, const std::string& why, bool is_second_hand);
  /// Called on the watching thread when a process is gone without having left, and this one is
  /// still at work `kPatience` later.
  void when_stuck(std::function<void(const std::string& verdict)> handler);
  /// Waits until every other process has left or is gone, at most `limit`.
  void await_others(std::chrono::milliseconds limit);

  /// A process that has said nothing for so long counts as gone; all stop within 30 s.
  static constexpr std::chrono::seconds kSilence{15};
  static constexpr std::chrono::seconds kPatience{10};

 private:
  using Clock = std::chrono::steady_clock;
  void sign_in(double patience_seconds);
  void watch();
  void look();
  /// What a launcher says of processes that have ended, by rank.
  [[nodiscard]] std::map<int, std::string> deaths();
  void judge(int rank, const Peer& now);
  void note(const std::string& verdict);  // the first one stays
  void note_death(const std::string& verdict);
  void tell_if_stuck();

  int rank_, size_;
  bool keeps_store_;
  std::string place_;  // of the store
  SharedStore store_;  // the watching thread's, after the constructor
  std::vector<std::string> keys_;
  std::vector<Peer> at_start_, last_;
  std::vector<Clock::time_point> heard_;
  Peer own_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string verdict_;
  std::optional<Clock::time_point> death_ = {};  // when it was noted
  std::function<void(const std::string&)> when_stuck_ = {};
  std::atomic<Clock::rep> last_look_;
  bool is_ending_ = false, is_hurried_ = false;
  std::thread thread_;
};

}  // namespace lldm
