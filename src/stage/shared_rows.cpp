// SPDX-License-Identifier: MIT
#include "stage/shared_rows.hpp"

#include <algorithm>

#include "lldm/errors.hpp"

namespace lldm {

void share_rows(ProcessGroup* group, std::size_t count, std::size_t most,
                const std::function<std::string(std::size_t, std::size_t)>& work,
                const std::function<void(const std::string&)>& take) {
  const auto size = group ? static_cast<std::size_t>(group->size()) : 1;
  const auto rank = group ? static_cast<std::size_t>(group->rank()) : 0;
  for (std::size_t at = 0; at < count;) {
    const std::size_t part = std::min(most, (count - at + size - 1) / size);
    const std::size_t begin = std::min(count, at + rank * part),
                      end = std::min(count, begin + part);
    at += part * size;
    if (!group) {
      take(work(begin, end));
      continue;
    }
    const std::vector<std::string> parts =
        group->agree([&] { return begin < end ? work(begin, end) : std::string(); });
    for (const std::string& done : parts)
      if (!done.empty()) take(done);
  }
}

void stop_if_asked(const RunContext& run, const Work& work) {
  if (run.options.observer->should_stop())
    throw Stopped(message("stopped on request in stage ", run.label(work)));
}

}  // namespace lldm
