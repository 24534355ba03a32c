// SPDX-License-Identifier: MIT
#include "memory/ledger.hpp"

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "memory/reclaim.hpp"

namespace lldm::memory {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr std::string_view kKnobs =
    "  fewer rows per micro-batch, a shorter response_length, gradient_path = \"replay\" or a "
    "larger [memory] budget help";
/// Where weights are what does not fit.
constexpr std::string_view kWeightKnobs =
    "  weights in less memory ([model] storage, [memory] frozen_weights = \"streamed\"), a smaller "
    "model or a larger [memory] budget help";

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

void Ledger::look_at_soft_budget(Column& own, MemoryPurpose purpose, std::int64_t after,
                                 std::int64_t bytes) noexcept {
  const std::int64_t budget = own.budget.load(kRelaxed);
  if (budget == 0 || after <= budget) return;
  if (after - bytes <= budget) own.passed.fetch_add(1, kRelaxed);
  ask_to_reclaim(purpose);
}

void Ledger::add(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes) {
  Column& total = column(device, kTotal);
  const std::int64_t after = total.current.fetch_add(bytes, kRelaxed) + bytes;
  const std::int64_t budget = total.budget.load(kRelaxed);
  if (budget > 0 && after > budget) {
    total.current.fetch_sub(bytes, kRelaxed);
    refuse_over_budget(device, purpose, bytes);
  }
  Column& own = column(device, static_cast<std::size_t>(purpose));
  const std::int64_t own_after = own.current.fetch_add(bytes, kRelaxed) + bytes;
  look_at_soft_budget(own, purpose, own_after, bytes);
  raise_peaks(own, own_after);
  raise_peaks(total, after);
  devices_[static_cast<std::size_t>(device)].allocations.fetch_add(1, kRelaxed);
}

void Ledger::require_room(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes) const {
  const std::int64_t budget = column(device, kTotal).budget.load(kRelaxed);
  if (budget > 0 && current(device, kTotal) + bytes > budget)
    refuse_over_budget(device, purpose, bytes);
}

void Ledger::count(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes) noexcept {
  Column& own = column(device, static_cast<std::size_t>(purpose));
  const std::int64_t own_after = own.current.fetch_add(bytes, kRelaxed) + bytes;
  look_at_soft_budget(own, purpose, own_after, bytes);
  raise_peaks(own, own_after);
  Column& total = column(device, kTotal);
  raise_peaks(total, total.current.fetch_add(bytes, kRelaxed) + bytes);
  devices_[static_cast<std::size_t>(device)].allocations.fetch_add(1, kRelaxed);
}

void Ledger::remove(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes) noexcept {
  column(device, static_cast<std::size_t>(purpose)).current.fetch_sub(bytes, kRelaxed);
  column(device, kTotal).current.fetch_sub(bytes, kRelaxed);
}

void Ledger::refuse_over_budget(MemoryDevice device, MemoryPurpose purpose,
                                std::int64_t bytes) const {
  const Column& c = column(device, kTotal);
  throw OutOfMemory(message(
      "out of ", name_of(device), " memory: \"", name_of(purpose), "\" asked for ",
      bytes_text(bytes), "; ", bytes_text(c.current.load(kRelaxed)), " of ",
      bytes_text(c.budget.load(kRelaxed)), " budget in use\n  ", largest_holders(read(device)),
      "\n", purpose == MemoryPurpose::weights ? kWeightKnobs : kKnobs));
}

void Ledger::refuse(MemoryDevice device, MemoryPurpose purpose, std::int64_t bytes,
                    const char* reason) const {
  throw OutOfMemory(
      message("out of ", name_of(device), " memory: \"", name_of(purpose), "\" asked for ",
              bytes_text(bytes), "; ", bytes_text(current(device, kTotal)),
              " in use, and the device refused: ", reason, "\n  ", largest_holders(read(device)),
              "\n", purpose == MemoryPurpose::weights ? kWeightKnobs : kKnobs));
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
    use.times_passed[p] = column(device, p).passed.load(kRelaxed);
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
