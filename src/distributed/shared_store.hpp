// SPDX-License-Identifier: MIT
// The store at which processes meet: small texts under names.
#pragma once

#include <torch/csrc/distributed/c10d/Store.hpp>

#include <optional>
#include <string>
#include <vector>

#include "lldm/distributed/rendezvous.hpp"

namespace lldm {

/// One connection to the store, with the names of one run.  A call waits for the store alone, never
/// for another process.
class SharedStore {
 public:
  /// Connects; serves the store first where `meeting` says so.
  /// Errors  Error if it cannot be served, or is not there within `patience_seconds`.
  SharedStore(const Rendezvous& meeting, double patience_seconds);
  /// Serves a store on a free port.
  explicit SharedStore(const std::string& prefix);

  void set(const std::string& name, const std::string& text);
  /// Nothing if nobody has set it.
  [[nodiscard]] std::optional<std::string> get(const std::string& name);
  /// Of names that are all set.
  [[nodiscard]] std::vector<std::string> get_all(const std::vector<std::string>& names);
  [[nodiscard]] bool has_all(const std::vector<std::string>& names);
  [[nodiscard]] std::uint16_t port() const { return port_; }
  /// Another connection to it, for another thread.
  [[nodiscard]] SharedStore second() const;
  [[nodiscard]] const c10::intrusive_ptr<c10d::Store>& handle() const { return store_; }

 private:
  SharedStore() = default;
  c10::intrusive_ptr<c10d::Store> store_;
  std::uint16_t port_ = 0;
};

}  // namespace lldm
