// SPDX-License-Identifier: MIT
#include "run/lost_work.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "lldm/storage/files.hpp"
#include "run/work_claim.hpp"

namespace lldm {

std::optional<std::size_t> work_lost_by(const RunSchedule& schedule,
                                        const std::filesystem::path& out, std::int64_t process) {
  char host[256] = "unknown";
  ::gethostname(host, sizeof host - 1);
  for (std::size_t w = 0; w < schedule.work.size(); ++w)
    if (const auto last = last_holder_of(out, schedule.work[w]);
        last && last->process == process && last->host == host)
      return w;
  return std::nullopt;
}

void record_failure(const Work& work, const std::string& error, int code) {
  const nlohmann::ordered_json record = {{"error", error}, {"code", code}, {"hash", work.hash}};
  make_folders(work.folder);
  write_file_atomically(
      work.folder / kFailureName,
      record.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace lldm
