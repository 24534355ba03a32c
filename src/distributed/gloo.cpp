// SPDX-License-Identifier: MIT
// The one file that sees ProcessGroupGloo.hpp, which reads Gloo's headers: declarations/ has the
// names that it needs (cmake/Library.cmake puts that folder before others for this file).
#include "distributed/gloo.hpp"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <chrono>
#include <cstdlib>

namespace lldm {

c10::intrusive_ptr<c10d::Backend> connect_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                               const std::string& name, int rank, int size,
                                               const std::string& host, double patience_seconds) {
  using Gloo = c10d::ProcessGroupGloo;
  const auto options = Gloo::Options::create(
      std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * patience_seconds)));
  const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
  const bool is_loopback = host == "localhost" || host.starts_with("127.");
  options->devices.push_back(interface && *interface ? Gloo::createDeviceForInterface(interface)
                             : is_loopback           ? Gloo::createDeviceForHostname("127.0.0.1")
                                                     : Gloo::createDefaultDevice());
  c10::intrusive_ptr<c10d::Backend> backend = c10::make_intrusive<Gloo>(
      c10::make_intrusive<c10d::PrefixStore>(name, store), rank, size, options);
  // From here on whether somebody is gone is seen by their silence (peers.hpp): rank 0 may be at
  // work alone for hours.
  backend->setTimeout(std::chrono::hours(24 * 365));
  return backend;
}

}  // namespace lldm
