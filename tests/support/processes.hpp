// SPDX-License-Identifier: MIT
// Several processes of one run, as threads of a test: each has its own group and connections.
#pragma once

#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lldm/distributed/process_group.hpp"
#include "lldm/distributed/store_keeper.hpp"

namespace lldm::testing {

/// Catch2's macros are for one thread: inside `on_ranks` a test throws.
inline void expect(bool is_true, const std::string& what) {
  if (!is_true) throw Error("not so: " + what);
}

/// Runs `body` once per rank; what each threw, "" where nothing.
inline std::vector<std::string> on_ranks(
    int size, const std::function<void(const std::shared_ptr<ProcessGroup>&)>& body) {
  // c10d's recorder of calls is one for a process, and not made for groups of several threads.
  ::setenv("TORCH_FR_BUFFER_SIZE", "0", 1);
  const StoreKeeper keeper("test");
  std::vector<std::string> thrown(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      try {
        const auto group = ProcessGroup::join(
            {.rank = rank, .size = size, .port = keeper.port(), .prefix = "test"}, 60);
        try {
          body(group);
          group->leave(0, "");
        } catch (const std::exception& error) {
          group->leave(exit_code(error), error.what());
          throw;
        }
      } catch (const std::exception& error) {
        thrown[static_cast<std::size_t>(rank)] = error.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  return thrown;
}

}  // namespace lldm::testing
