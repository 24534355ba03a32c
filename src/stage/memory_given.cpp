// SPDX-License-Identifier: MIT
#include "stage/memory_given.hpp"

namespace lldm {

MemoryGiven::MemoryGiven(const MemoryManager& memory, std::string_view device)
    : memory_(memory), device_(device == "cuda" ? MemoryDevice::cuda : MemoryDevice::cpu) {
  if (const MemoryReport report = memory.report(); const auto* use = report.find(device_))
    for (std::size_t p = 0; p < before_.size(); ++p) {
      const std::int64_t budget = use->purpose_budgets[p];
      const bool is_passed = budget > 0 && use->purposes[p].current_bytes > budget;
      before_[p] = use->times_passed[p] - (is_passed ? 1 : 0);  // weights, which lie there already
    }
}

bool MemoryGiven::add(std::string_view what, std::int64_t bytes) {
  Given& given = given_[std::string(what)];
  given.bytes += bytes;
  return ++given.times == 1;
}

std::map<std::string, std::int64_t> MemoryGiven::passed() const {
  std::map<std::string, std::int64_t> times;
  const MemoryReport report = memory_.report();
  if (const DeviceMemory* use = report.find(device_))
    for (std::size_t p = 0; p < kMemoryPurposes; ++p)
      if (use->times_passed[p] > before_[p])
        times[std::string(kMemoryPurposeNames[p])] = use->times_passed[p] - before_[p];
  return times;
}

void MemoryGiven::add_metrics(std::map<std::string, double>& metrics) const {
  for (const auto& [what, given] : given_)
    metrics["memory/reclaimed_" + what] = static_cast<double>(given.times);
  for (const auto& [purpose, times] : passed())
    metrics["memory/passed_" + purpose] = static_cast<double>(times);
}

void MemoryGiven::add_result(Result& result) const {
  for (const auto& [what, given] : given_)
    result["memory_reclaimed"][what] = {{"times", given.times}, {"bytes", given.bytes}};
  for (const auto& [purpose, times] : passed()) result["budgets_passed"][purpose] = times;
}

std::function<void(std::int64_t tokens)> told_of_smaller_passes(const RunContext& run,
                                                                const Work& work) {
  return [&logger = run.logger, name = run.label(work)](std::int64_t tokens) {
    logger.warning(message("stage ", name,
                           ": scoring does not fit into memory: done again, from "
                           "here on in passes of at most ",
                           tokens, " tokens"));
  };
}

}  // namespace lldm
