// SPDX-License-Identifier: MIT
#include "stage/budget_share.hpp"

#include <ATen/Context.h>

#include <algorithm>
#include <atomic>

#include "lldm/errors.hpp"
#include "memory/cuda_library.hpp"

namespace lldm {
namespace {

/// The machine and its GPU that this process computes on.
std::string place_of(const ProcessGroup& group, const memory::CudaFunctions& cuda) {
  const auto index = at::globalContext().getAcceleratorHooksInterface(at::kCUDA).getCurrentDevice();
  return message(group.host(), " ",
                 cuda.devices(nullptr).at(static_cast<std::size_t>(index)).identity);
}

}  // namespace

std::int64_t budget_sharers(ProcessGroup* group, std::string_view device) {
  if (!group) return 1;
  // One plan for all: that of the machine where a share is least.
  if (device == "cpu") return group->most_local_size();
  const memory::CudaFunctions* cuda = memory::loaded_cuda_functions();
  if (!cuda) return 1;
  // Asked where a run begins, and known from then on: a stage plans on rank 0 first.
  static std::atomic<std::int64_t> known = 0;
  if (known == 0) {
    const std::vector<std::string> places = group->agree([&] { return place_of(*group, *cuda); });
    known = std::ranges::count(places, places[static_cast<std::size_t>(group->rank())]);
  }
  return known;
}

BudgetRange in_budgets_of_files(BudgetRange range, const DeviceProfile& profile,
                                std::int64_t sharers) {
  if (profile.kind == "cpu") return range;
  const std::int64_t context = profile.memory.context.bytes;
  range.without = range.holds(profile.room());
  range.from = (range.from + context) * sharers;
  // From the whole card on every budget is the card.
  range.below = range.without || range.below == BudgetRange::kNoEnd
                    ? BudgetRange::kNoEnd
                    : (range.below + context) * sharers;
  return range;
}

std::int64_t device_bytes(std::string_view device) {
  const memory::CudaFunctions* cuda = memory::loaded_cuda_functions();
  return device == "cpu" || !cuda ? 0 : cuda->memory().total_bytes;
}

}  // namespace lldm
