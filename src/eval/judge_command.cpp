// SPDX-License-Identifier: MIT
#include "eval/judge_command.hpp"

#include <algorithm>
#include <string_view>

#include "eval/checker_verdict.hpp"
#include "lldm/data/text.hpp"
#include "lldm/errors.hpp"

namespace lldm::eval {
namespace {

std::string how(const CheckerEnd& end) {
  std::string text;
  if (end.kind == CheckerEnd::Kind::timed_out)
    text = "it was out of time";
  else if (end.kind == CheckerEnd::Kind::signalled)
    text = message("signal ", end.code, " ended it");
  else if (end.kind == CheckerEnd::Kind::wrote_too_much)
    text = "it wrote without end";
  else
    text = message("it ended with exit code ", end.code);
  const std::string_view errors = trim_white_space(end.errors);
  return errors.empty() ? text : text + message("; it wrote: ", errors.substr(0, 300));
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!(text = trim_white_space(text)).empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return lines;
}

}  // namespace

JudgeCommand::JudgeCommand(const std::string& command, double timeout_seconds)
    : text_(command),
      command_({"sh", "-c", command}, ".", timeout_seconds),
      timeout_seconds_(timeout_seconds) {}

std::vector<Verdict> JudgeCommand::judge_batch(const nlohmann::ordered_json* begin,
                                               const nlohmann::ordered_json* end) const {
  std::string input;
  for (const auto* line = begin; line != end; ++line) input += line->dump() + "\n";
  const CheckerEnd ended = command_.run(input);
  if (ended.kind != CheckerEnd::Kind::exited || ended.code != 0)
    throw Error(message("the judge failed: ", text_, "\n  ", how(ended)));
  const std::vector<std::string> replies = lines_of(ended.output);
  const auto asked = static_cast<std::size_t>(end - begin);
  if (replies.size() != asked)
    throw Error(message("the judge was given ", asked, " answers and wrote ", replies.size(),
                        " lines: ", text_, "\n  it writes one line of JSON for each, in order"));
  std::vector<Verdict> verdicts;
  for (const std::string& reply : replies) {
    CheckerEnd one;
    one.output = reply;
    verdicts.push_back(verdict_of(one, CheckerReply::json, timeout_seconds_));
  }
  return verdicts;
}

std::vector<Verdict> JudgeCommand::judge(const std::vector<nlohmann::ordered_json>& lines) const {
  std::vector<Verdict> all;
  for (std::size_t begin = 0; begin < lines.size(); begin += kJudgeBatch) {
    const std::size_t end = std::min(begin + kJudgeBatch, lines.size());
    for (Verdict& verdict : judge_batch(lines.data() + begin, lines.data() + end))
      all.push_back(std::move(verdict));
  }
  return all;
}

}  // namespace lldm::eval
