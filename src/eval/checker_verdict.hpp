// SPDX-License-Identifier: MIT
// What a checker command said, as a Verdict.  Internal to src/eval.
#pragma once

#include "eval/checker_call.hpp"
#include "lldm/concepts/task.hpp"
#include "lldm/eval/file.hpp"

namespace lldm::eval {

/// The ways in which a check can fail, as metrics of a Verdict; 1 where it did.
inline constexpr const char* kCheckFailures[] = {"check_timeout", "check_crash", "check_exit",
                                                 "check_garbage"};

/// A Verdict that says why there is none: not correct, grade 0, one of kCheckFailures.
Verdict failed_check(const char* metric, std::string why);

/// The verdict of a call; a failed one where it ended badly or its reply is not what was agreed.
Verdict verdict_of(const CheckerEnd& end, CheckerReply reply, double timeout_seconds);

}  // namespace lldm::eval
