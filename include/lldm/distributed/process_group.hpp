// SPDX-License-Identifier: MIT
// The processes of one run: what they say to one another, and what happens when one is gone.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lldm/distributed/rendezvous.hpp"
#include "lldm/errors.hpp"

namespace lldm {

/// Another process of the run was killed, fell silent or left: this one cannot go on.  Exit code 1.
class LostRank : public Error {
 public:
  using Error::Error;
};

/// The processes that train one model together, seen from one of them.
///
/// Calls that say "all" are made by every process in the same order; each returns when all have
/// come.  Sums and copies run over Gloo on the host, and over NCCL on a GPU where every process has
/// one of its own.  While it lives, a thread tells the others every second that this process does.
///
/// Threads  one thread calls it; `begin_sum` also one of autograd that it waits for.
/// Source   c10d of LibTorch: TCPStore, ProcessGroupGloo, ProcessGroupNCCL.
class ProcessGroup {
 public:
  /// Meets the others.
  /// Errors  Error naming who has not come within `patience_seconds`.
  [[nodiscard]] static std::shared_ptr<ProcessGroup> join(const Rendezvous& meeting,
                                                          double patience_seconds = 300);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  [[nodiscard]] int rank() const;
  [[nodiscard]] int size() const;
  [[nodiscard]] bool is_first() const { return rank() == 0; }
  /// Processes of the machine that has most of them.
  [[nodiscard]] int most_local_size() const;
  /// Among the processes of this machine (those with its host name), in the order of their ranks.
  [[nodiscard]] int local_rank() const;
  [[nodiscard]] int local_size() const;
  /// The name of this machine, as the others know it.
  [[nodiscard]] std::string host() const;
  /// "rank 1 (host node07, pid 4711)".
  [[nodiscard]] std::string name_of(int rank) const;

  /// Numbers that are copied at once, where values cannot be summed or sent where they lie.
  static constexpr std::int64_t kSlice = std::int64_t{1} << 22;
  /// All: `values` become their sum over the ranks, the same bits everywhere.  Contiguous, of one
  /// shape and dtype; float64, float32, or of 16 bits, which are summed in float32.
  /// Memory  none for float64 and float32 where they lie; else copies of kSlice numbers.
  /// Errors  LostRank; OutOfMemory on all, before anything changed, where one has no room for them.
  void sum(const at::Tensor& values);
  /// All, before the first `begin_sum`: opens the way between values on `device`.
  /// Errors  LostRank.
  void prepare_sums(const at::Device& device);
  /// All, in the same order: as `sum`, but this process goes on while it is done.  `values` are
  /// left alone until `wait_sums`; other calls may lie in between, and need not have the same order
  /// everywhere.  False, on all, where values cannot be summed where they lie (of 16 bits, or of a
  /// GPU that is summed on the host): nothing has begun.
  [[nodiscard]] bool begin_sum(const at::Tensor& values);
  /// Until every sum that was begun is done.
  /// Errors  LostRank.
  void wait_sums();
  /// Why values of a GPU were summed on the host; "" where none were.
  [[nodiscard]] std::string why_on_host() const;
  /// All: `values`, contiguous, become those of rank `from`.
  /// Memory  of a GPU: a copy of kSlice numbers on the host.
  /// Errors  as `sum`.
  void broadcast(const at::Tensor& values, int from = 0);
  /// All: what every rank says, by rank.
  /// Errors  LostRank.
  [[nodiscard]] std::vector<std::string> gather(const std::string& own);

  /// All: does `work` and gathers what it returns.  Where it throws on any rank, it throws on all:
  /// there what it threw, elsewhere an error with that rank's name, text and exit code.
  [[nodiscard]] std::vector<std::string> agree(const std::function<std::string()>& work);
  /// All: `allocate` has been done by every rank; where one of them has no memory for it, all throw
  /// OutOfMemory.  Collectives that allocate nothing come behind it.
  void agree_on_room(const std::function<void()>& allocate);
  /// Inside a handler, all the others in `agree`: lets them throw what is being handled; nothing if
  /// they know it from `agree` itself, or are gone.
  void tell_failure() noexcept;
  /// From here on a failure is news again.
  void begin_work();

  /// `handler` hears, on another thread, of a process that is gone while this one is at work and
  /// has not noticed for 10 s: it should end this process, so that all have ended within 30 s.
  void when_stuck(std::function<void(const std::string& verdict)> handler);
  /// Throws LostRank if one of the others is gone; costs nothing.
  void require_all() const;
  /// The last call: tells the others that this process ends, and why; "" and 0 when all is well.
  /// Who keeps the store waits a moment for the others to read it.
  void leave(int code, const std::string& why) noexcept;

 private:
  /// All, when one of them has failed: who has begun fewer sums begins what the others wait for, so
  /// that none of them stays open, whatever came of it.
  void level_sums();
  /// Those, as [numbers, whether they are float64]; nobody wants what comes of them.
  void begin_unwanted(const std::vector<nlohmann::json>& sums);

  struct Body;
  explicit ProcessGroup(std::unique_ptr<Body> body);
  std::unique_ptr<Body> body_;
};

}  // namespace lldm
