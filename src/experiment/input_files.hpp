// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "lldm/config/value.hpp"

namespace lldm {

/// What the files that a config names hold, so that a result is never taken for that of other data.
class InputFiles {
 public:
  /// "path sha256:..." for every absolute path in `table` that exists, a line each, in the table's
  /// order: data, tokenizers, model folders, plugins, a task's own files (with those that its
  /// checker command names).  A stage's `reference` table is left out: a run fills its cache
  /// itself, and what is in it cannot change a result.
  ///
  /// A file counts by its bytes (those of a large one are read once, storage/file_digests.hpp); a
  /// folder by its manifest (lldm's own), else by the names and bytes of its files.  Every path is
  /// looked at once per object.
  std::string digests(const config::Value& table);

  /// The digest of what an absolute path names; "" for anything else.
  std::string digest_of(const config::Value& value);

 private:
  void add(const config::Value& value, std::string& lines);

  std::map<std::string, std::string> known_;
};

}  // namespace lldm
