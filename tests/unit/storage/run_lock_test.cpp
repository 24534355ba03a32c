// SPDX-License-Identifier: MIT
#include "lldm/storage/run_lock.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <optional>

#include "lldm/errors.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using lldm::RunLock;

namespace {

/// Tries the lock in another process.  Returns 0 if it got it, 1 if it was refused with the message
/// that names `pid`, 2 otherwise.
int try_in_child(const std::filesystem::path& folder, pid_t pid) {
  const pid_t child = ::fork();
  if (child == 0) {
    int code = 2;
    try {
      RunLock lock(folder);
      code = 0;
    } catch (const lldm::Error& error) {
      const std::string text = error.what();
      const auto start =
          "\"" + folder.string() + "\" is in use by another process\n  holder: host ";
      if (text.starts_with(start) &&
          text.find(", pid " + std::to_string(pid) + ", since ") != text.npos)
        code = 1;
    }
    ::_exit(code);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 3;
}

}  // namespace

// promise 21
TEST_CASE("RunLock refuses a second process and names the first", "[track][run_lock]") {
  lldm::testing::TemporaryFolder folder;
  {
    RunLock lock(folder.path());
    CHECK(try_in_child(folder.path(), ::getpid()) == 1);
    CHECK_THROWS_AS(RunLock(folder.path()), lldm::Error);
    RunLock moved(std::move(lock));
    CHECK(try_in_child(folder.path(), ::getpid()) == 1);
  }
  CHECK(try_in_child(folder.path(), ::getpid()) == 0);
}

// promise 21
TEST_CASE("RunLock ends with its process, however it dies", "[track][run_lock]") {
  lldm::testing::TemporaryFolder folder;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    RunLock lock(folder.path());
    if (::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK_THROWS_AS(RunLock(folder.path()), lldm::Error);
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK_NOTHROW(RunLock(folder.path()));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("RunLock says what is wrong with the folder", "[track][run_lock]") {
  lldm::testing::TemporaryFolder folder;
  CHECK_THROWS_WITH(
      RunLock(folder / "none"),
      "cannot open \"" + (folder / "none/run.lock").string() + "\": No such file or directory");
}
