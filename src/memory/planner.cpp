// SPDX-License-Identifier: MIT
#include "lldm/memory/planner.hpp"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"

namespace lldm {
namespace {

/// What a moment holds, as lines of a plan.
std::array<PlanLine, 5> lines_of(const PlanMoment& moment) {
  return {{{"activations", MemoryPurpose::activations, moment.activations},
           {"block gradients", MemoryPurpose::gradients, moment.gradients},
           {"logits", MemoryPurpose::logits, moment.logits},
           {"staging", MemoryPurpose::staging, moment.staging},
           {"workspace", MemoryPurpose::workspace, moment.workspace}}};
}

void check(const PlanLine& line) {
  if (line.bytes < 0)
    throw ShapeError(message("plan_memory: ", line.what, " must be >= 0, got ", line.bytes));
}

}  // namespace

MemoryPlan plan_memory(const PlanInputs& in) {
  if (in.budget.bytes < 0)
    throw ShapeError(message("plan_memory: budget must be >= 0, got ", in.budget.bytes));
  MemoryPlan plan;
  plan.budget_bytes = in.budget.bytes;
  const auto of = [](auto& peaks, MemoryPurpose purpose) -> std::int64_t& {
    return peaks[static_cast<std::size_t>(purpose)];
  };
  for (const PlanLine& line : in.held) {
    check(line);
    if (line.bytes > 0) plan.lines.push_back(line);
    of(plan.purpose_peaks, line.purpose) += line.bytes;
  }
  const PlanMoment* largest = nullptr;
  std::array<std::int64_t, kMemoryPurposes> most{};
  for (const PlanMoment& moment : in.moments) {
    for (const PlanLine& line : lines_of(moment)) {
      check(line);
      of(most, line.purpose) = std::max(of(most, line.purpose), line.bytes);
    }
    if (!largest || moment.bytes() > largest->bytes()) largest = &moment;
  }
  for (std::size_t p = 0; p < most.size(); ++p) plan.purpose_peaks[p] += most[p];
  if (!largest) return plan;
  plan.moment = largest->what;
  for (const PlanLine& line : lines_of(*largest))
    if (line.bytes > 0) plan.lines.push_back(line);
  return plan;
}

std::int64_t MemoryPlan::peak_bytes() const {
  std::int64_t sum = 0;
  for (const PlanLine& line : lines) sum += line.bytes;
  return sum;
}

std::string MemoryPlan::text(const DeviceMemory* measured) const {
  std::ostringstream out;
  const auto row = [&out](std::string_view what, std::string_view first, std::string_view second,
                          std::string_view third) {
    out << "  " << std::left << std::setw(15) << what << std::right << std::setw(11) << first;
    if (!second.empty()) out << std::setw(12) << second << std::setw(10) << third;
    out << '\n';
  };
  const auto ratio = [](std::int64_t predicted, std::int64_t seen) -> std::string {
    if (seen == 0) return "-";
    std::ostringstream text;
    text << std::fixed << std::setprecision(2)
         << static_cast<double>(predicted) / static_cast<double>(seen);
    return text.str();
  };
  if (measured == nullptr) {
    row("memory", "predicted", "", "");
    for (const PlanLine& line : lines) row(line.what, bytes_text(line.bytes), "", "");
    row("all", bytes_text(peak_bytes()), "", "");
  } else {
    row("memory", "predicted", "measured", "ratio");
    for (std::size_t p = 0; p < kMemoryPurposes; ++p) {
      const auto purpose = static_cast<MemoryPurpose>(p);
      const std::int64_t seen = measured->of(purpose).peak_bytes;
      if (bytes(purpose) > 0 || seen > 0)
        row(kMemoryPurposeNames[p], bytes_text(bytes(purpose)), bytes_text(seen),
            ratio(bytes(purpose), seen));
    }
    row("all", bytes_text(peak_bytes()), bytes_text(measured->total.peak_bytes),
        ratio(peak_bytes(), measured->total.peak_bytes));
  }
  if (budget_bytes > 0) {
    row("budget", bytes_text(budget_bytes), "", "");
    if (!fits())
      out << "  does not fit: " << bytes_text(peak_bytes() - budget_bytes) << " too much\n";
  }
  return out.str();
}

std::string MemoryPlan::shortage() const {
  std::vector<PlanLine> order = lines;
  std::ranges::stable_sort(order, std::ranges::greater{}, &PlanLine::bytes);
  if (order.size() > 3) order.resize(3);
  std::string largest;
  for (const PlanLine& line : order)
    largest += message(largest.empty() ? "" : ", ", line.what, " ", bytes_text(line.bytes));
  return message("the plan needs ", bytes_text(peak_bytes()), " of ", bytes_text(budget_bytes),
                 " [memory] budget\n  largest", moment.empty() ? "" : message(" (", moment, ")"),
                 ": ", largest);
}

void MemoryPlan::require_fit(const std::string& advice) const {
  if (fits()) return;
  constexpr const char* kUsual =
      "  fewer rows per micro-batch, a shorter response_length, gradient_path = \"replay\" or a "
      "larger [memory] budget help";
  throw OutOfMemory(message("out of memory before the first step: ", shortage(), "\n",
                            advice.empty() ? kUsual : advice));
}

}  // namespace lldm
