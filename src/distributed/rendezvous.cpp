// SPDX-License-Identifier: MIT
#include "lldm/distributed/rendezvous.hpp"

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "lldm/errors.hpp"

namespace lldm {
namespace {

/// Takes variables and collects what is wrong with them.
class Variables {
 public:
  explicit Variables(const Environment& environment) : environment_(environment) {}

  [[nodiscard]] bool has(const char* name) const {
    const char* value = environment_(name);
    return value != nullptr && *value != '\0';
  }
  std::string text(const char* name) {
    if (has(name)) return environment_(name);
    say(message(name, " is not set"));
    return "";
  }
  std::string text(const char* name, const std::string& otherwise) const {
    return has(name) ? environment_(name) : otherwise;
  }
  std::int64_t integer(const char* name, std::int64_t least, std::int64_t most) {
    const std::string value = text(name);
    std::int64_t number = least;
    if (value.empty()) return number;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error == std::errc() && end == value.data() + value.size() && number >= least &&
        number <= most)
      return number;
    say(message(name, " = \"", value, "\": legal are integers from ", least, " to ", most));
    return least;
  }
  /// Whether it counts processes, and more than one.
  [[nodiscard]] bool is_several(const char* name) const {
    return has(name) && std::atoi(environment_(name)) > 1;
  }
  void say(const std::string& problem) { problems_ += "\n  " + problem; }
  void throw_if_any(const std::string& who) const {
    if (!problems_.empty())
      throw ConfigError(message("several processes, as ", who,
                                " say: the environment does not tell them apart", problems_));
  }

 private:
  const Environment& environment_;
  std::string problems_;
};

constexpr std::int64_t kMostProcesses = 1 << 20;
constexpr std::int64_t kMostPort = 65535;

Rendezvous from_torchrun(Variables& variables) {
  Rendezvous meeting{.said_by = "RANK and WORLD_SIZE"};
  meeting.size = static_cast<int>(variables.integer("WORLD_SIZE", 1, kMostProcesses));
  meeting.rank = static_cast<int>(variables.integer("RANK", 0, kMostProcesses));
  if (meeting.size == 1) return meeting;
  meeting.host = variables.text("MASTER_ADDR");
  meeting.port = static_cast<std::uint16_t>(variables.integer("MASTER_PORT", 1, kMostPort));
  if (variables.has("LOCAL_RANK"))
    meeting.local_rank = static_cast<int>(variables.integer("LOCAL_RANK", 0, kMostProcesses));
  // torchrun's agent serves the store already: a second server could not have the port.
  const std::string agent = variables.text("TORCHELASTIC_USE_AGENT_STORE", "");
  meeting.keeps_store = meeting.rank == 0 && agent != "True" && agent != "true" && agent != "1";
  meeting.prefix = "lldm/" + variables.text("TORCHELASTIC_RUN_ID", "run") + "/" +
                   variables.text("TORCHELASTIC_RESTART_COUNT", "0");
  return meeting;
}

Rendezvous from_srun(Variables& variables) {
  Rendezvous meeting{.said_by = "SLURM_PROCID and SLURM_STEP_NUM_TASKS"};
  meeting.size = static_cast<int>(variables.integer("SLURM_STEP_NUM_TASKS", 1, kMostProcesses));
  meeting.rank = static_cast<int>(variables.integer("SLURM_PROCID", 0, kMostProcesses));
  if (meeting.size == 1) return meeting;
  if (variables.has("SLURM_LOCALID"))
    meeting.local_rank = static_cast<int>(variables.integer("SLURM_LOCALID", 0, kMostProcesses));
  const bool is_one_node = variables.text("SLURM_STEP_NUM_NODES", "") == "1";
  if (variables.has("MASTER_ADDR") || !is_one_node)
    meeting.host = variables.has("MASTER_ADDR") ? variables.text("MASTER_ADDR")
                                                : first_host(variables.text("SLURM_STEP_NODELIST"));
  const std::string job = variables.text("SLURM_JOB_ID", "0"),
                    step = variables.text("SLURM_STEP_ID", "0"),
                    restart = variables.text("SLURM_RESTART_COUNT", "0");
  if (variables.has("MASTER_PORT")) {
    meeting.port = static_cast<std::uint16_t>(variables.integer("MASTER_PORT", 1, kMostPort));
  } else {
    // The same for all tasks of a step, and another one for the next step on the node.
    constexpr std::uint64_t kFirst = 20000, kPorts = 12000;
    std::uint64_t hash = 0;
    for (const char c : job + "." + step + "." + restart)
      hash = hash * 1000003 + static_cast<unsigned char>(c);
    meeting.port = static_cast<std::uint16_t>(kFirst + hash % kPorts);
  }
  meeting.keeps_store = meeting.rank == 0;
  meeting.prefix = "lldm/" + job + "." + step + "/" + restart;
  return meeting;
}

}  // namespace

std::string first_host(const std::string& list) {
  const std::size_t end = list.find_first_of(",[");
  std::string host = list.substr(0, end);
  if (end == std::string::npos || list[end] == ',') return host;
  const std::size_t first = end + 1;
  host += list.substr(first, list.find_first_of(",-]", first) - first);
  const std::size_t close = list.find(']', first);  // "rack[1-2]-a": what follows belongs to it
  if (close != std::string::npos)
    host += list.substr(close + 1, list.find_first_of(",[", close) - close - 1);
  return host;
}

std::optional<Rendezvous> find_rendezvous(const Environment& environment) {
  Variables variables(environment);
  Rendezvous meeting;
  if (variables.has("RANK") && variables.has("WORLD_SIZE"))
    meeting = from_torchrun(variables);
  else if (variables.has("SLURM_STEP_NUM_TASKS") && variables.has("SLURM_PROCID"))
    meeting = from_srun(variables);
  else if (variables.is_several("WORLD_SIZE"))
    meeting = from_torchrun(variables);  // which says what is missing
  else if (variables.is_several("OMPI_COMM_WORLD_SIZE"))
    throw ConfigError(
        "several processes, as OMPI_COMM_WORLD_SIZE says: mpirun's variables are not read\n  "
        "torchrun --no-python, srun and lldm launch start the processes of a run");
  else
    return std::nullopt;
  if (meeting.rank >= meeting.size)
    variables.say(message("the rank is ", meeting.rank, " of ", meeting.size, " processes"));
  variables.throw_if_any(meeting.said_by);
  if (meeting.size == 1) return std::nullopt;
  return meeting;
}

std::optional<Rendezvous> find_rendezvous() {
  return find_rendezvous([](const char* name) { return std::getenv(name); });
}

}  // namespace lldm
