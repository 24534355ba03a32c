// SPDX-License-Identifier: MIT
// A program of another project that uses lldm without TOML.
#include <iostream>
#include <lldm/draws/stream.hpp>
#include <lldm/memory/manager.hpp>

int main() {
  lldm::MemoryManager memory;
  memory.install();
  const lldm::Draws draws(42, "consumer");
  lldm::Stream stream = draws.stream(lldm::Purpose::noise);
  const auto masked = stream.subset(16, 4);
  std::cout << "masked positions:";
  for (const auto position : masked) std::cout << ' ' << position;
  std::cout << '\n' << memory.report().text();
  return masked.size() == 4 ? 0 : 1;
}
