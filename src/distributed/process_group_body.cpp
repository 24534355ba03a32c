// SPDX-License-Identifier: MIT
#include "distributed/process_group_body.hpp"

#include <ATen/Context.h>

#include <chrono>
#include <cstdlib>
#include <exception>
#include <functional>
#include <map>
#include <thread>

#include "distributed/gloo.hpp"
#include "memory/cuda_library.hpp"

namespace lldm {
namespace {

constexpr std::chrono::milliseconds kLook(500);

/// NCCL's side of LibTorch ends the process by itself where it sees an error, or has waited for
/// long: here whoever is gone is named first.  What the user has set stays.
void leave_errors_to_us() {
  ::setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", /*overwrite=*/0);
  ::setenv("TORCH_NCCL_ENABLE_MONITORING", "0", /*overwrite=*/0);
}

}  // namespace

ProcessGroup::Body::Body(const Rendezvous& meeting, double patience_seconds)
    : rank(meeting.rank),
      size(meeting.size),
      keeps_store(meeting.keeps_store),
      store(meeting, patience_seconds),
      peers(meeting, store.second(), patience_seconds),
      gloo(connect_gloo(store.handle(), "gloo", rank, size, meeting.host, patience_seconds)),
      gloo_of_sums(
          connect_gloo(store.handle(), "sums", rank, size, meeting.host, patience_seconds)) {
  const std::vector<Peer>& all = peers.at_start();
  const std::string& host = all[static_cast<std::size_t>(rank)].host;
  for (int r = 0; r < size; ++r) {
    if (all[static_cast<std::size_t>(r)].host != host) continue;
    local_rank += r < rank;
    ++local_size;
  }
  if (meeting.local_rank) local_rank = *meeting.local_rank;
}

ProcessGroup::Body::~Body() {
  // Their destructors wait for what is under way, which may never end: then they stay.
  if (!is_broken) return;
  static_cast<void>(gloo.release());
  static_cast<void>(gloo_of_sums.release());
  if (!nccl || !nccl->defined()) return;
  try {
    // Of its connections: a kernel that waits for who is gone would keep the device.
    std::invoke(&c10d::Backend::abort, **nccl);
  } catch (const std::exception&) {  // the process ends in any case
  }
  static_cast<void>(nccl->release());
}

void ProcessGroup::Body::lose(const std::string& verdict) {
  is_broken = true;
  throw LostRank(verdict);
}

void ProcessGroup::Body::wait(const c10::intrusive_ptr<c10d::Work>& work) {
  for (bool is_second_look = false;;) {
    try {
      work->wait(kLook);
      return;
    } catch (const std::exception& error) {
      if (work->isCompleted()) {
        // It may have been done between the end of the wait and here.
        if (is_second_look)
          lose(peers.await_verdict(message("the others cannot be reached: ", error.what())));
        is_second_look = true;
      } else if (const std::string verdict = peers.verdict(); !verdict.empty()) {
        lose(verdict);
      }
    }
  }
}

void ProcessGroup::Body::wait_on_device(const c10::intrusive_ptr<c10d::Work>& work) {
  for (auto looked = std::chrono::steady_clock::now(); !work->isCompleted();) {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
    if (std::chrono::steady_clock::now() - looked < kLook) continue;
    looked = std::chrono::steady_clock::now();
    if (const std::string verdict = peers.verdict(); !verdict.empty()) lose(verdict);
  }
  std::string failure;
  try {
    work->wait();
    if (const std::exception_ptr error = work->exception()) std::rethrow_exception(error);
    return;
  } catch (const std::exception& error) {
    failure = error.what();
  }
  lose(peers.await_verdict(message("the GPUs of the others cannot be reached: ", failure)));
}

void ProcessGroup::Body::require_whole() const {
  if (is_broken) throw LostRank("another process of the run is gone");
}

bool ProcessGroup::Body::has_nccl(ProcessGroup& group, const at::Device& device) {
  if (nccl) return nccl->defined();
  nccl.emplace();
  const memory::CudaFunctions* library = memory::loaded_cuda_functions();
  const c10::DeviceIndex index =
      device.has_index()
          ? device.index()
          : at::globalContext().getAcceleratorHooksInterface(at::kCUDA).getCurrentDevice();
  const std::vector<std::string> places = group.agree([&] {
    const auto devices = library->devices(nullptr);
    return message(peers.at_start()[static_cast<std::size_t>(rank)].host, " ",
                   devices.at(static_cast<std::size_t>(index)).identity);
  });
  std::map<std::string, int> seen;
  for (int r = 0; r < size; ++r) {
    const auto [at, is_new] = seen.emplace(places[static_cast<std::size_t>(r)], r);
    if (is_new) continue;
    why_no_nccl = message("ranks ", at->second, " and ", r, " share a GPU");
    return false;
  }
  // Where one of them cannot, none does: then they sum on the host.
  try {
    static_cast<void>(group.agree([&] {
      leave_errors_to_us();
      library->connect_nccl(store.handle(), rank, size, *nccl);
      return std::string();
    }));
  } catch (const LostRank&) {
    throw;
  } catch (const std::exception& error) {
    is_told = false;
    nccl->reset();
    why_no_nccl = error.what();
    return false;
  }
  // Now, where all wait for one another anyway, and not at the first sum inside a backward pass.
  // Who fails here alone cannot tell the others, who wait in NCCL: it ends, and they notice.
  try {
    (*nccl)->eagerConnectSingleDevice(at::Device(at::kCUDA, index));
  } catch (const std::exception& error) {
    lose(message(peers.name_of(rank), ": NCCL cannot connect its GPU to the others': ",
                 error.what(), "\n  NCCL_DEBUG=INFO tells more"));
  }
  return true;
}

}  // namespace lldm
