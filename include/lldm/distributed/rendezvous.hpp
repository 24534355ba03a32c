// SPDX-License-Identifier: MIT
// Where the processes of one run meet, as whoever started them says it in the environment.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace lldm {

/// One process's way to the others.
struct Rendezvous {
  int rank = 0;  // in [0, size)
  int size = 1;
  std::string host = "127.0.0.1";  // of the store
  std::uint16_t port = 0;
  bool keeps_store = false;  // this process serves the store; else it is there (rank 0, a launcher)
  std::string prefix = {};   // of its keys: what a restart finds must not be what died left
  std::optional<int> local_rank = {};  // among those of this machine, if that is said
  std::string said_by = {};            // "RANK and WORLD_SIZE": for messages
};

/// A variable of the environment by its name; nullptr if it is not set.
using Environment = std::function<const char*(const char*)>;

/// Reads torchrun's variables (RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT, LOCAL_RANK,
/// TORCHELASTIC_USE_AGENT_STORE, TORCHELASTIC_RESTART_COUNT, TORCHELASTIC_RUN_ID), which
/// `lldm launch` sets too; else those of a step of plain srun with several tasks (SLURM_PROCID,
/// SLURM_STEP_NUM_TASKS, SLURM_STEP_NODELIST, SLURM_LOCALID; MASTER_ADDR and MASTER_PORT are
/// heeded).  Nothing for one process.
///
/// Errors  ConfigError where variables are missing, are no numbers or contradict one another, all
///         at once.
[[nodiscard]] std::optional<Rendezvous> find_rendezvous(const Environment& environment);
/// In this process's environment.
[[nodiscard]] std::optional<Rendezvous> find_rendezvous();

/// The first host of a SLURM list: "node[07-09,12],login" gives "node07".
[[nodiscard]] std::string first_host(const std::string& list);

}  // namespace lldm
