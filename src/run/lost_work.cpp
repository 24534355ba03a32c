// SPDX-License-Identifier: MIT
#include "run/lost_work.hpp"

#include <unistd.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "lldm/errors.hpp"
#include "lldm/storage/files.hpp"

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

std::string failure_by_death(const ClaimState& dead) {
  constexpr std::int64_t kMostKills = 3;
  const std::string who = message(" (host ", dead.host, ", pid ", dead.process, ")");
  if (dead.signal != 0)
    return message("the process that worked at it", who, " crashed with signal ", dead.signal, " (",
                   ::strsignal(dead.signal), ")");
  if (dead.deaths < kMostKills) return "";
  return message(dead.deaths, " processes were killed at it one after another, the last of them",
                 who, ", and none saved anything new");
}

void record_failure(const Work& work, const std::string& error, int code) {
  const nlohmann::ordered_json record = {{"error", error}, {"code", code}, {"hash", work.hash}};
  make_folders(work.folder);
  write_file_atomically(
      work.folder / kFailureName,
      record.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace lldm
