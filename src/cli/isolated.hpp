// SPDX-License-Identifier: MIT
// Laws of components that may crash, end the process or never return.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lldm/laws/law.hpp"

namespace lldm::cli {

/// How a body in another process says what it found.
class Report {
 public:
  /// SIGALRM ends the process that says nothing for `patience`.
  Report(int descriptor, std::chrono::seconds patience);
  /// Says which law is being checked, checks it, says what was found.
  void check(const laws::Law& law) const;
  void found(const laws::LawResult& result) const;
  /// A text for the other side: `Isolated::texts`.
  void text(const std::string& text) const;
  /// That now so named is done: what a crash is blamed on.
  void begin(const std::string& what) const;
  void done() const;

 private:
  void write(char kind, const std::vector<std::string>& fields) const;
  int descriptor_;
  std::chrono::seconds patience_;
};

struct Isolated {
  std::vector<laws::LawResult> results;
  std::vector<std::string> texts;
  /// How the process ended where it did not end by itself: "it died of signal 11 (Segmentation
  /// fault)"; "" if all is well.  It is also the last of `results`.
  std::string crash;
};

/// Runs `body` in a child process whose standard output is its standard error.  Nothing said for
/// `limit` (at most 1e6 s) stops it, and so does the end of the caller, which has one thread.
/// Errors  Error if there can be no child.
[[nodiscard]] Isolated run_isolated(const std::function<void(const Report&)>& body,
                                    std::chrono::milliseconds limit);

}  // namespace lldm::cli
