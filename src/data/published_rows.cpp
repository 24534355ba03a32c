// SPDX-License-Identifier: MIT
#include "data/published_rows.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "data/row_parser.hpp"
#include "lldm/errors.hpp"

namespace lldm::data {
namespace {

using nlohmann::json;

bool is_text(const json& row, const char* key) {
  const auto found = row.find(key);
  return found != row.end() && found->is_string();
}

bool is_list(const json& row, const char* key) {
  const auto found = row.find(key);
  return found != row.end() && found->is_array();
}

/// A member that is null, as tables write columns without a value, is none.
bool has(const json& row, const char* key) {
  const auto found = row.find(key);
  return found != row.end() && !found->is_null();
}

/// A prompt of it is the whole text that some publish beside: instruction and output say more.
bool is_alpaca(const json& row) {
  const bool has_input = has(row, "input");
  return is_text(row, "instruction") && is_text(row, "output") && !has(row, "response") &&
         !has(row, "completion") && !has(row, "chosen") && !is_list(row, "prompt") &&
         (!has_input || is_text(row, "input"));
}

/// Whether a completion is called wanted or not; a label in words is a topic.
bool is_labelled(const json& row) { return has(row, "label") && !is_text(row, "label"); }

/// What stands before an alpaca row's instruction: "system", and "history" of pairs.
json before_instruction(const json& row) {
  json turns = json::array();
  const auto add = [&](const char* role, const json& content) {
    turns.push_back({{"role", role}, {"content", content}});
  };
  if (is_text(row, "system") && row.at("system") != "") add("system", row.at("system"));
  if (!is_list(row, "history")) return turns;
  for (const json& pair : row.at("history")) {
    if (!pair.is_array() || pair.size() != 2)
      throw RowFault{0, "\"history\" must be a list of pairs of texts"};
    add("user", pair[0]);
    add("assistant", pair[1]);
  }
  return turns;
}

void from_alpaca(json& row) {
  auto prompt = row.at("instruction").get<std::string>();
  if (is_text(row, "input") && row.at("input") != "")
    prompt += "\n" + row.at("input").get<std::string>();
  if (json turns = before_instruction(row); !turns.empty()) {
    turns.push_back({{"role", "user"}, {"content", std::move(prompt)}});
    row["prompt"] = std::move(turns);
  } else {
    row["prompt"] = std::move(prompt);
  }
  row["response"] = std::move(row.at("output"));
  for (const char* key : {"instruction", "input", "output", "system", "history"}) row.erase(key);
}

void from_completion(json& row) {
  if (is_text(row, "prompt") && is_text(row, "completion")) {
    row["response"] = std::move(row.at("completion"));
  } else if (is_list(row, "prompt") && is_list(row, "completion")) {
    json turns = std::move(row.at("prompt"));
    for (json& turn : row.at("completion")) turns.push_back(std::move(turn));
    row["messages"] = std::move(turns);
    row.erase("prompt");
  } else {
    const bool is_meant = has(row, "prompt") && has(row, "completion") && !has(row, "response") &&
                          !has(row, "chosen") && !has(row, "messages") && !has(row, "text");
    if (is_meant && !is_text(row, "completion") && !is_list(row, "completion"))
      throw RowFault{0,
                     message("\"completion\" must be a string, or messages as \"prompt\" is, is ",
                             row.at("completion").type_name())};
    return;
  }
  row.erase("completion");
}

bool is_ultrafeedback(const json& row) {
  return is_text(row, "instruction") && is_list(row, "completions") && !has(row, "prompt") &&
         !row.at("completions").empty() && row.at("completions").front().is_object();
}

/// The completion with the highest overall score above the one with the lowest; of equal ones the
/// first.
void from_ultrafeedback(json& row) {
  const json *best = nullptr, *worst = nullptr;
  const auto score = [](const json& completion) {
    if (!completion.is_object() || !is_text(completion, "response") ||
        !completion.value("overall_score", json()).is_number())
      throw RowFault{0,
                     "a member of \"completions\" must have a \"response\" and a number as "
                     "\"overall_score\""};
    return completion.at("overall_score").get<double>();
  };
  for (const json& completion : row.at("completions")) {
    if (!best || score(completion) > score(*best)) best = &completion;
    if (!worst || score(completion) < score(*worst)) worst = &completion;
  }
  if (score(*best) == score(*worst))
    throw RowFault{0, message("all \"completions\" have the overall score ", score(*best))};
  json chosen = best->at("response"), rejected = worst->at("response");
  row["prompt"] = std::move(row.at("instruction"));
  row["chosen"] = std::move(chosen);
  row["rejected"] = std::move(rejected);
  for (const char* key : {"instruction", "completions"}) row.erase(key);
}

struct Speaker {
  std::string_view marker;
  const char* role;
};
constexpr Speaker kSpeakers[] = {{"\n\nHuman:", "user"}, {"\n\nAssistant:", "assistant"}};

/// The speaker whose marker comes first from `from` on.
std::pair<std::size_t, const Speaker*> next_turn(std::string_view text, std::size_t from) {
  std::pair<std::size_t, const Speaker*> first{std::string_view::npos, nullptr};
  for (const Speaker& speaker : kSpeakers)
    if (const std::size_t at = text.find(speaker.marker, from); at < first.first)
      first = {at, &speaker};
  return first;
}

/// The messages of a dialogue as one text; nothing if it does not begin with a person's turn.
std::optional<json> dialogue(std::string_view text) {
  if (!text.starts_with(kSpeakers[0].marker)) return std::nullopt;
  json turns = json::array();
  for (auto [at, speaker] = next_turn(text, 0); speaker;) {
    const std::size_t begin = at + speaker->marker.size();
    const auto [end, next] = next_turn(text, begin);
    std::string_view content = text.substr(begin, end - begin);
    if (content.starts_with(' ')) content.remove_prefix(1);
    turns.push_back({{"role", speaker->role}, {"content", std::string(content)}});
    at = end, speaker = next;
  }
  return turns;
}

void from_dialogues(json& row) {
  auto chosen = dialogue(row.at("chosen").get_ref<const std::string&>());
  auto rejected = dialogue(row.at("rejected").get_ref<const std::string&>());
  if (!chosen || !rejected) return;
  row["chosen"] = std::move(*chosen);
  row["rejected"] = std::move(*rejected);
}

}  // namespace

json standard_row(json row) {
  if (is_alpaca(row))
    from_alpaca(row);
  else if (is_ultrafeedback(row))
    from_ultrafeedback(row);
  else if (row.contains("completion") && !has(row, "response") && !is_labelled(row))
    from_completion(row);
  else if (is_text(row, "chosen") && is_text(row, "rejected") && !has(row, "prompt"))
    from_dialogues(row);
  return row;
}

std::string published_as(const json& row, RowForm form) {
  const auto holds_turns = [&](const char* key) {
    return is_list(row, key) && !row.at(key).empty() && row.at(key).front().is_object();
  };
  switch (form) {
    case RowForm::prompt_response:
      if (has(row, "response")) return "";
      return is_alpaca(row) ? "alpaca" : row.contains("completion") ? "TRL" : "";
    case RowForm::conversation:
      for (const char* key : {"conversations", "messages"})
        if (holds_turns(key)) return row.at(key).front().contains("from") ? "ShareGPT" : "messages";
      return "TRL";
    case RowForm::preference:
      if (is_text(row, "chosen") && !row.contains("prompt")) return "HH-RLHF";
      if (row.contains("completions")) return "UltraFeedback, best above worst";
      if (row.contains("score_chosen") && holds_turns("chosen")) return "UltraFeedback";
      return row.contains("prompt") ? "" : "implicit prompt";
    case RowForm::unpaired:
      return "TRL";
    case RowForm::text:
    case RowForm::ranked:
      break;
  }
  return "";
}

}  // namespace lldm::data
