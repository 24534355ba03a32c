// SPDX-License-Identifier: MIT
// Gloo, as libtorch_cpu.so carries it.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <string>

namespace lldm {

/// Connects with all others over TCP.  GLOO_SOCKET_IFNAME names the network interface; without it
/// that of this machine's host name, and the loopback where the store is on it.  `name`: of this
/// way among others over the same store.
[[nodiscard]] c10::intrusive_ptr<c10d::Backend> connect_gloo(
    const c10::intrusive_ptr<c10d::Store>& store, const std::string& name, int rank, int size,
    const std::string& host, double patience_seconds);

}  // namespace lldm
