// SPDX-License-Identifier: MIT
#include "lldm/storage/lock_file.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include "lldm/storage/files.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using namespace lldm;
using lldm::testing::TemporaryFolder;

TEST_CASE("LockFile: exclusive shuts out all, shared only the exclusive, by either call",
          "[storage][lock_file]") {
  TemporaryFolder folder;
  for (const LockCall call : {LockCall::flock, LockCall::ofd}) {
    const LockFile first(folder / "file", call), second(folder / "file", call);
    CHECK(first.try_lock(LockKind::shared));
    CHECK(second.try_lock(LockKind::shared));
    CHECK_FALSE(second.try_lock(LockKind::exclusive));
    first.unlock();
    CHECK(second.try_lock(LockKind::exclusive));
    CHECK_FALSE(first.try_lock(LockKind::shared));
  }
}

TEST_CASE("LockFile: a lock ends with its object, its scope, its process", "[storage][lock_file]") {
  TemporaryFolder folder;
  const LockFile file(folder / "file", LockCall::ofd);
  const auto seen = [&] { return LockFile::existing(folder / "file", LockCall::ofd).value(); };
  {
    const HeldLock held(file, LockKind::exclusive);
    CHECK(seen().is_held_elsewhere() == true);
    CHECK(file.is_held_elsewhere() == false);  // its own does not count
  }
  CHECK(seen().is_held_elsewhere() == false);
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const LockFile own(folder / "file", LockCall::ofd);
    own.lock(LockKind::exclusive);
    static_cast<void>(::write(ready[1], "x", 1) == 1);
    ::pause();
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK_FALSE(file.try_lock(LockKind::exclusive));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK(file.try_lock(LockKind::exclusive));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("LockFile replaces what it says and keeps its file", "[storage][lock_file]") {
  TemporaryFolder folder;
  CHECK_FALSE(LockFile::existing(folder / "file", LockCall::flock));
  {
    const LockFile file(folder / "file", LockCall::flock);
    CHECK(file.say("a long text"));
    CHECK(file.say("short"));
  }
  CHECK(read_file(folder / "file") == "short");
  CHECK_THROWS_AS(LockFile(folder / "none" / "file", LockCall::flock), FileError);
}
