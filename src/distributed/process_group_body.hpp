// SPDX-License-Identifier: MIT
// What a process group holds: the store, who is there, and the ways between them.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "distributed/peers.hpp"
#include "distributed/shared_store.hpp"
#include "lldm/distributed/process_group.hpp"

namespace lldm {

struct ProcessGroup::Body {
  Body(const Rendezvous& meeting, double patience_seconds);
  ~Body();
  Body(const Body&) = delete;
  Body& operator=(const Body&) = delete;

  [[noreturn]] void lose(const std::string& verdict);
  /// Until it is done, or somebody is gone.
  void wait(const c10::intrusive_ptr<c10d::Work>& work);
  /// The same of work that only LibTorch's stream waits for.
  void wait_on_device(const c10::intrusive_ptr<c10d::Work>& work);
  void require_whole() const;
  /// All, before the first sum on a device: whether every process has a GPU of its own, and then
  /// the way between them; else why there is none.
  bool has_nccl(ProcessGroup& group, const at::Device& device);

  int rank, size;
  bool keeps_store;
  SharedStore store;
  Peers peers;
  c10::intrusive_ptr<c10d::Backend> gloo;
  /// For sums that others' calls pass by: a way's calls have one order on all ranks.
  c10::intrusive_ptr<c10d::Backend> gloo_of_sums;
  std::optional<c10::intrusive_ptr<c10d::Backend>> nccl;  // null: looked, and there is none
  std::string why_no_nccl = {};
  struct BegunSum {
    c10::intrusive_ptr<c10d::Work> work;
    std::int64_t numel;
    at::TensorOptions options;
  };
  std::deque<BegunSum> begun = {};  // in order, those that were not waited for
  std::int64_t num_begun = 0;       // all, since the processes met
  at::Device summed = at::Device(at::kCPU);
  int local_rank = 0, local_size = 0;
  bool is_broken = false;
  bool is_told = false;  // the failure at hand is known to all
};

}  // namespace lldm
