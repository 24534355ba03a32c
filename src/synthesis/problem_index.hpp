// SPDX-License-Identifier: MIT
// Which problem a prompt asks.  Internal to src.
#pragma once

#include <array>
#include <string>
#include <unordered_map>
#include <vector>

#include "lldm/concepts/task.hpp"

namespace lldm::synthesis {

/// Problems by one key; a key that several have is that of the first, and of the first after it
/// that has another answer.
class ProblemIndex {
 public:
  /// `by_id`: of one id are also those that ask something else.
  void add(const std::string& key, const Example& problem, bool by_id);

  /// The problem with this key, null if there is none.  `what` the key is: "id", "text".
  /// Errors  DataError: two problems have it and different answers.
  [[nodiscard]] const Example* find(const std::string& key, const Example& asked,
                                    const char* what) const;

 private:
  struct Known {
    const Example* first;
    const Example* other;
  };
  std::unordered_map<std::string, Known> problems_;
};

/// Problems by id and by what they ask: to the letter, without "Question:" before and "Answer:"
/// behind, and with white space made equal besides.  The problems outlive it.
class Problems {
 public:
  explicit Problems(const std::vector<Example>& problems);

  /// The problem with the id of `asked` (`has_id`), else the one that asks its prompt; null if
  /// there is none.
  /// Errors  DataError with the places: a prompt that two problems with different answers ask; an
  ///         id whose problem asks something else.
  [[nodiscard]] const Example* find(const Example& asked, bool has_id) const;

 private:
  ProblemIndex by_id_;
  std::array<ProblemIndex, 3> by_text_;
};

}  // namespace lldm::synthesis
