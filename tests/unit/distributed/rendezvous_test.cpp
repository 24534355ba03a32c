// SPDX-License-Identifier: MIT
// Whom the environment of a launcher lets a process meet.
#include "lldm/distributed/rendezvous.hpp"

#include <map>

#include "lldm/errors.hpp"
#include "support/catch.hpp"

namespace lldm {
namespace {

std::optional<Rendezvous> found(const std::map<std::string, std::string>& variables) {
  return find_rendezvous([&](const char* name) {
    const auto entry = variables.find(name);
    return entry == variables.end() ? nullptr : entry->second.c_str();
  });
}

std::string refusal(const std::map<std::string, std::string>& variables) {
  try {
    static_cast<void>(found(variables));
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a process without a launcher's variables is alone") {
  CHECK_FALSE(found({}));
  CHECK_FALSE(found({{"RANK", "0"}}));
  CHECK_FALSE(found({{"RANK", "0"}, {"WORLD_SIZE", "1"}}));
  // Of a batch script: its own step has one task, whatever the job has.
  CHECK_FALSE(found({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}));
  CHECK_FALSE(found({{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "1"}}));
}

TEST_CASE("one of several processes that cannot find the others is not alone") {
  CHECK(refusal({{"WORLD_SIZE", "2"}}).find("RANK is not set") != std::string::npos);
  CHECK(refusal({{"OMPI_COMM_WORLD_SIZE", "2"}}).find("lldm launch") != std::string::npos);
  CHECK_FALSE(found({{"WORLD_SIZE", "1"}}));
  CHECK_FALSE(found({{"OMPI_COMM_WORLD_SIZE", "1"}}));
}

TEST_CASE("torchrun's variables") {
  const std::map<std::string, std::string> variables = {
      {"RANK", "0"},           {"WORLD_SIZE", "4"},      {"LOCAL_RANK", "2"},
      {"MASTER_ADDR", "head"}, {"MASTER_PORT", "29500"}, {"TORCHELASTIC_RUN_ID", "job"}};
  const auto meeting = found(variables);
  REQUIRE(meeting);
  CHECK(meeting->rank == 0);
  CHECK(meeting->size == 4);
  CHECK(meeting->local_rank == 2);
  CHECK(meeting->host == "head");
  CHECK(meeting->port == 29500);
  CHECK(meeting->keeps_store);
  SECTION("the agent serves the store: rank 0 is a client too") {
    auto agent = variables;
    agent["TORCHELASTIC_USE_AGENT_STORE"] = "True";
    CHECK_FALSE(found(agent)->keeps_store);
  }
  SECTION("a restart meets under other names") {
    auto again = variables;
    again["TORCHELASTIC_RESTART_COUNT"] = "1";
    CHECK(found(again)->prefix != meeting->prefix);
  }
  SECTION("another rank serves nothing") {
    auto other = variables;
    other["RANK"] = "1";
    CHECK_FALSE(found(other)->keeps_store);
  }
}

TEST_CASE("srun's variables") {
  const auto meeting = found({{"SLURM_PROCID", "3"},
                              {"SLURM_STEP_NUM_TASKS", "4"},
                              {"SLURM_LOCALID", "1"},
                              {"SLURM_STEP_NUM_NODES", "2"},
                              {"SLURM_STEP_NODELIST", "gpu[07-08]"},
                              {"SLURM_JOB_ID", "123"},
                              {"SLURM_STEP_ID", "0"}});
  REQUIRE(meeting);
  CHECK(meeting->rank == 3);
  CHECK(meeting->local_rank == 1);
  CHECK(meeting->host == "gpu07");
  CHECK(meeting->port >= 20000);
  CHECK_FALSE(meeting->keeps_store);
  const auto first = found({{"SLURM_PROCID", "0"},
                            {"SLURM_STEP_NUM_TASKS", "4"},
                            {"SLURM_STEP_NUM_NODES", "1"},
                            {"SLURM_JOB_ID", "123"},
                            {"SLURM_STEP_ID", "0"}});
  CHECK(first->host == "127.0.0.1");
  CHECK(first->port == meeting->port);
  CHECK(first->prefix == meeting->prefix);
  CHECK(first->keeps_store);
}

TEST_CASE("the first host of a list") {
  CHECK(first_host("node1") == "node1");
  CHECK(first_host("node1,node2") == "node1");
  CHECK(first_host("node[07-09,12],login") == "node07");
  CHECK(first_host("node[3,5]") == "node3");
  CHECK(first_host("rack[1-2]-a") == "rack1-a");
}

TEST_CASE("all that is wrong with the variables is told at once") {
  const std::string text = refusal({{"RANK", "5"}, {"WORLD_SIZE", "4"}, {"MASTER_PORT", "x"}});
  CHECK(text.find("MASTER_ADDR is not set") != std::string::npos);
  CHECK(text.find("MASTER_PORT = \"x\"") != std::string::npos);
  CHECK(text.find("the rank is 5 of 4 processes") != std::string::npos);
  CHECK_FALSE(refusal({{"RANK", "one"}, {"WORLD_SIZE", "2"}}).empty());
}

}  // namespace lldm
