// SPDX-License-Identifier: MIT
#include "eval/checker_verdict.hpp"

#include <cmath>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "data/row_parser.hpp"
#include "lldm/config/diagnostics.hpp"
#include "lldm/data/inspect.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"

namespace lldm::eval {
namespace {

using nlohmann::json;

/// The end of what it wrote, on one line.
std::string last_words(const std::string& text) {
  constexpr std::size_t kMost = 300;
  std::string_view kept = trim_white_space(text);
  if (kept.size() > kMost) kept.remove_prefix(kept.size() - kMost);
  return kept.empty() ? "" : message("; it wrote: ", escape_text(kept));
}

/// Names that evaluate stages write themselves.
bool is_taken(const std::string& name) {
  static const std::set<std::string> taken = {"accuracy", "items", "forwards_per_item"};
  if (taken.contains(name) || name.ends_with("_low") || name.ends_with("_high")) return true;
  for (const char* failure : kCheckFailures)
    if (name == failure) return true;
  return false;
}

bool is_name(const std::string& name) {
  return !name.empty() && name[0] >= 'a' && name[0] <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

double finite(const json& value, const std::string& name) {
  if (value.is_boolean()) return value.get<bool>() ? 1.0 : 0.0;
  if (!value.is_number() || !std::isfinite(value.get<double>()))
    throw data::RowFault{0, message('"', name, "\" is no finite number")};
  return value.get<double>();
}

[[noreturn]] void refuse(const std::string& key, const json& value) {
  static const std::vector<std::string> keys = {"correct", "extracted", "grade", "metrics"};
  static const std::map<std::string, const char*> wanted = {
      {"correct", "true or false"}, {"extracted", "a string"}, {"metrics", "an object of numbers"}};
  if (const auto known = wanted.find(key); known != wanted.end())
    throw data::RowFault{
        0, message('"', key, "\" must be ", known->second, ", and is of type ", value.type_name())};
  throw data::RowFault{
      0, message('"', key, "\" is no key of a reply: ", config::did_you_mean(key, keys, "keys"))};
}

/// RowFault for everything that was not agreed.
Verdict read_reply(const json& reply) {
  Verdict verdict;
  for (const auto& [key, value] : reply.items()) {
    if (key == "correct" && value.is_boolean()) {
      verdict.is_correct = value.get<bool>();
    } else if (key == "extracted" && value.is_string()) {
      verdict.extracted = value.get<std::string>();
    } else if (key == "grade") {
      finite(value, key);
    } else if (key == "metrics" && value.is_object()) {
      for (const auto& [name, figure] : value.items()) {
        if (!is_name(name) || is_taken(name))
          throw data::RowFault{0, message("no metric can be named \"", name, '"')};
        verdict.metrics[name] = finite(figure, name);
      }
    } else {
      refuse(key, value);
    }
  }
  if (!reply.contains("correct")) throw data::RowFault{0, "\"correct\" is missing"};
  verdict.grade = reply.contains("grade") ? finite(reply["grade"], "grade")
                  : verdict.is_correct    ? 1.0
                                          : 0.0;
  return verdict;
}

Verdict json_verdict(const CheckerEnd& end) {
  try {
    return read_reply(data::parse_line(trim_white_space(end.output)));
  } catch (const data::RowFault& fault) {
    return failed_check(
        "check_garbage",
        message("its reply is not {\"correct\": ...}: ", fault.reason, last_words(end.output)));
  }
}

}  // namespace

Verdict failed_check(const char* metric, std::string why) {
  Verdict verdict;
  verdict.failure = std::move(why);
  verdict.metrics[metric] = 1.0;
  return verdict;
}

Verdict verdict_of(const CheckerEnd& end, CheckerReply reply, double timeout_seconds) {
  const auto judge = [&]() -> Verdict {
    switch (end.kind) {
      case CheckerEnd::Kind::timed_out:
        return failed_check("check_timeout", message("no verdict within ", timeout_seconds, " s",
                                                     last_words(end.errors)));
      case CheckerEnd::Kind::signalled:
        return failed_check("check_crash",
                            message("ended by signal ", end.code, " (", ::strsignal(end.code), ")",
                                    last_words(end.errors)));
      case CheckerEnd::Kind::wrote_too_much:
        return failed_check("check_garbage", "it wrote more than 1 MiB");
      case CheckerEnd::Kind::exited:
        break;
    }
    if (reply == CheckerReply::json && end.code == 0) return json_verdict(end);
    // An interpreter that dies of an error exits with 1 too, but says why.
    const bool is_wrong = end.code == 1 && trim_white_space(end.errors).empty();
    if (reply == CheckerReply::json || (end.code != 0 && !is_wrong))
      return failed_check("check_exit", message("exit code ", end.code, last_words(end.errors)));
    Verdict verdict;
    verdict.is_correct = end.code == 0;
    verdict.grade = verdict.is_correct ? 1.0 : 0.0;
    return verdict;
  };
  Verdict verdict = judge();
  for (const char* failure : kCheckFailures) verdict.metrics.try_emplace(failure, 0.0);
  return verdict;
}

}  // namespace lldm::eval
