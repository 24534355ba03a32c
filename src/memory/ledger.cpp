// SPDX-License-Identifier: MIT
#include "memory/ledger.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"

namespace lldm::memory {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::string_view kKnobs =
    "  fewer rows per micro-batch, a shorter response_length, gradient_path = \"replay\" or a "
    "larger "
    "[memory] budget help";

std::string largest_holders(const DeviceMemory& use) {
  std::vector<std::size_t> order;
  for (std::size_t p = 0; p < kMemoryPurposes; ++p)
    if (use.purposes[p].current_bytes > 0) order.push_back(p);
  std::ranges::stable_sort(order, std::ranges::greater{},
                           [&](std::size_t p) { return use.purposes[p].current_bytes; });
  if (order.empty()) return "nothing is held yet";
  if (order.size() > 3) order.resize(3);
  std::string text = "largest holders: ";
  for (const std::size_t p : order)
    text += message(p == order.front() ? "" : ", ", kMemoryPurposeNames[p], " ",
                    bytes_text(use.purposes[p].current_bytes));
  return text;
}

std::string_view name_of(MemoryPurpose purpose) {
  return kMemoryPurposeNames[static_cast<std::size_t>(purpose)];
}

std::string_view name_of(MemoryDevice device) {
  return kMemoryDeviceNames[static_cast<std::size_t>(device)];
}

}  // namespace

void Ledger::raise_peaks(Column& column, std::int64_t value) noexcept {
  for (std::uint32_t open = windows_.load(kRelaxed); open != 0; open &= open - 1) {
    auto& peak = column.peaks[static_cast<std::size_t>(std::countr_zero(open))];
    std::int64_t seen = peak.load(kRelaxed);
    while (seen < value && !peak.compare_exchange_weak(seen, value, kRelaxed)) {
    }
  }
}

void Ledger::add(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes) {
  const auto own = static_cast<std::size_t>(purpose);
  std::array<std::int64_t, 2> after;
  const std::array<std::size_t, 2> columns = {own, kTotal};
  for (std::size_t i = 0; i < columns.size(); ++i) {
    Column& c = column(device, columns[i]);
    after[i] = c.current.fetch_add(bytes, kRelaxed) + bytes;
    const std::int64_t budget = c.budget.load(kRelaxed);
    if (budget > 0 && after[i] > budget) {
      for (std::size_t done = 0; done <= i; ++done)
        column(device, columns[done]).current.fetch_sub(bytes, kRelaxed);
      refuse_over_budget(device, purpose, bytes, columns[i]);
    }
  }
  raise_peaks(column(device, own), after[0]);
  raise_peaks(column(device, kTotal), after[1]);
  devices_[static_cast<std::size_t>(device)].allocations.fetch_add(1, kRelaxed);
}

void Ledger::require_room(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes) const {
  for (const std::size_t index : {static_cast<std::size_t>(purpose), kTotal}) {
    const std::int64_t budget = column(device, index).budget.load(kRelaxed);
    if (budget > 0 && current(device, index) + bytes > budget)
      refuse_over_budget(device, purpose, bytes, index);
  }
}

void Ledger::count(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes) noexcept {
  for (const std::size_t index : {static_cast<std::size_t>(purpose), kTotal}) {
    Column& c = column(device, index);
    raise_peaks(c, c.current.fetch_add(bytes, kRelaxed) + bytes);
  }
  devices_[static_cast<std::size_t>(device)].allocations.fetch_add(1, kRelaxed);
}

void Ledger::remove(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes) noexcept {
  column(device, static_cast<std::size_t>(purpose)).current.fetch_sub(bytes, kRelaxed);
  column(device, kTotal).current.fetch_sub(bytes, kRelaxed);
}

void Ledger::refuse_over_budget(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes,
                                std::size_t over) const {
  const Column& c = column(device, over);
  const std::string what =
      over == kTotal ? "budget" : message("budget of \"", name_of(purpose), "\"");
  throw OutOfMemory(message("out of ", name_of(device), " memory: \"", name_of(purpose),
                            "\" asked for ", bytes_text(bytes), "; ",
                            bytes_text(c.current.load(kRelaxed)), " of ",
                            bytes_text(c.budget.load(kRelaxed)), " ", what, " in use\n  ",
                            largest_holders(read(device)), "\n", kKnobs));
}

void Ledger::refuse(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes,
                    const char* reason) const {
  throw OutOfMemory(message("out of ", name_of(device), " memory: \"", name_of(purpose),
                            "\" asked for ", bytes_text(bytes), "; ",
                            bytes_text(current(device, kTotal)),
                            " in use, and the device refused: ", reason, "\n  ",
                            largest_holders(read(device)), "\n", kKnobs));
}

void Ledger::set_budget(MemoryDevice device, std::size_t index, std::int64_t bytes) noexcept {
  column(device, index).budget.store(bytes, kRelaxed);
}

std::int64_t Ledger::current(MemoryDevice device, std::size_t index) const noexcept {
  return column(device, index).current.load(kRelaxed);
}

std::int64_t Ledger::peak(std::size_t window, MemoryDevice device,
                          std::size_t index) const noexcept {
  return column(device, index).peaks[window].load(kRelaxed);
}

DeviceMemory Ledger::read(MemoryDevice device) const {
  DeviceMemory use;
  use.device = device;
  use.total = {current(device, kTotal), peak(0, device, kTotal)};
  use.budget_bytes = column(device, kTotal).budget.load(kRelaxed);
  for (std::size_t p = 0; p < kMemoryPurposes; ++p) {
    use.purposes[p] = {current(device, p), peak(0, device, p)};
    use.purpose_budgets[p] = column(device, p).budget.load(kRelaxed);
  }
  use.allocations = devices_[static_cast<std::size_t>(device)].allocations.load(kRelaxed);
  return use;
}

std::size_t Ledger::open_window() {
  std::uint32_t open = windows_.load(kRelaxed);
  std::size_t window = 0;
  do {
    window = static_cast<std::size_t>(std::countr_one(open));
    if (window >= kWindows)
      throw Error(
          "MemoryManager::Watch: 7 watches are alive, which is the most\n  destroy one first");
  } while (!windows_.compare_exchange_weak(open, open | (1u << window), kRelaxed));
  restart_window(window);
  return window;
}

void Ledger::close_window(std::size_t window) noexcept {
  windows_.fetch_and(~(1u << window), kRelaxed);
}

void Ledger::restart_window(std::size_t window) noexcept {
  for (Device& device : devices_)
    for (Column& c : device.columns) c.peaks[window].store(c.current.load(kRelaxed), kRelaxed);
}

}  // namespace lldm::memory
