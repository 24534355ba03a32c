// SPDX-License-Identifier: MIT
// The meeting place of processes that a launcher starts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace lldm {

/// Serves a store on a free port of this machine, for as long as it lives; the processes join with
/// its port and TORCHELASTIC_USE_AGENT_STORE.
class StoreKeeper {
 public:
  explicit StoreKeeper(std::string prefix);
  ~StoreKeeper();
  StoreKeeper(const StoreKeeper&) = delete;
  StoreKeeper& operator=(const StoreKeeper&) = delete;

  [[nodiscard]] std::uint16_t port() const;
  /// Tells the others how a process that can no longer say it has ended: "was killed by signal 9".
  void tell_death(int rank, const std::string& how) noexcept;

 private:
  struct Body;
  std::unique_ptr<Body> body_;
};

}  // namespace lldm
