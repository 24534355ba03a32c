// SPDX-License-Identifier: MIT
#include <array>
#include <cmath>
#include <cstdlib>
#include <iomanip>
#include <sstream>
#include <utility>

#include "lldm/errors.hpp"
#include "lldm/memory/bytes.hpp"
#include "lldm/memory/manager.hpp"

namespace lldm {
namespace {

void write_row(std::ostream& out, std::string_view name, const MemoryUse& use,
               std::int64_t budget) {
  out << "  " << std::left << std::setw(14) << name << std::right << std::setw(12)
      << bytes_text(use.current_bytes) << std::setw(12) << bytes_text(use.peak_bytes)
      << std::setw(12) << (budget > 0 ? bytes_text(budget) : "-") << '\n';
}

std::string three_digits(std::int64_t bytes, double (*round)(double)) {
  constexpr std::array<const char*, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
  if (std::llabs(bytes) < 1024) return message(bytes, " B");
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (std::abs(value) >= 999.5 && unit + 1 < units.size()) value /= 1024, ++unit;
  const int digits = std::abs(value) < 9.995 ? 2 : std::abs(value) < 99.95 ? 1 : 0;
  const double step = std::pow(10, digits);
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << round(value * step) / step << ' '
      << units[unit];
  return out.str();
}

}  // namespace

std::string bytes_text(std::int64_t bytes) { return three_digits(bytes, std::nearbyint); }
std::string bytes_text_above(std::int64_t bytes) { return three_digits(bytes, std::ceil); }

const DeviceMemory* MemoryReport::find(MemoryDevice device) const {
  for (const DeviceMemory& use : devices)
    if (use.device == device) return &use;
  return nullptr;
}

std::string MemoryReport::text() const {
  if (!is_installed) return "memory: not counted (the memory manager is not installed)\n";
  std::ostringstream out;
  for (const DeviceMemory& use : devices) {
    out << "  " << std::left << std::setw(14)
        << kMemoryDeviceNames[static_cast<std::size_t>(use.device)] << std::right << std::setw(12)
        << "now" << std::setw(12) << "peak" << std::setw(12) << "budget" << '\n';
    for (std::size_t p = 0; p < kMemoryPurposes; ++p)
      if (use.purposes[p].peak_bytes > 0 || use.purpose_budgets[p] > 0)
        write_row(out, kMemoryPurposeNames[p], use.purposes[p], use.purpose_budgets[p]);
    write_row(out, "all", use.total, use.budget_bytes);
    for (const auto& [name, held] : {std::pair("reserved", use.reserved_bytes),
                                     std::pair("context, others", use.outside_bytes),
                                     std::pair("locked on host", use.pinned_bytes)})
      if (held > 0) out << "  " << std::left << std::setw(16) << name << bytes_text(held) << '\n';
  }
  return out.str();
}

}  // namespace lldm
