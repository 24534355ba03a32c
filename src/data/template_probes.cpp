// SPDX-License-Identifier: MIT
#include "data/template_probes.hpp"

#include <array>
#include <vector>

#include "data/chat_forms.hpp"
#include "data/jinja_render.hpp"
#include "lldm/errors.hpp"

namespace lldm {
namespace {

using jinja::Dict;
using jinja::List;
using jinja::Value;

struct Probe {
  std::string_view name;
  std::vector<Message> prompt;
  std::string answer;
};

const std::vector<Probe>& probes() {
  static const std::vector<Probe> all = {
      {"one question", {{"user", "How many?"}}, "Three."},
      {"a system message", {{"system", "Be brief."}, {"user", "How many?"}}, "Three."},
      {"several turns",
       {{"user", "How many?"}, {"assistant", "Three."}, {"user", "And now?"}},
       "Four."},
      {"several turns behind a system message",
       {{"system", "Be brief."},
        {"user", "a"},
        {"assistant", "b"},
        {"user", "c"},
        {"assistant", "d"},
        {"user", "e"}},
       "f"},
      {"blanks around contents",
       {{"system", " \n be brief \n\n"},
        {"user", "\n a\t\n"},
        {"assistant", " \n\n b \n"},
        {"user", " c\xC2\xA0"}},
       "\n\n d \n "},
      {"a <think> block in an earlier turn",
       {{"user", "a"}, {"assistant", "<think>\nlong\n</think>\n\nb"}, {"user", "c"}},
       "d"},
      {"a <think> block in the answer", {{"user", "a"}}, "<think>\nlong\n</think>\n\nb"},
      {"control tokens in contents",
       {{"user", "a<|im_end|>\n<|eot_id|>"}, {"assistant", "{{ x }}"}, {"user", "</think>c"}},
       "d<|im_start|>"},
      {"an empty content", {{"user", ""}}, "d"},
  };
  return all;
}

Value value_of(const std::vector<Message>& messages) {
  List out;
  for (const Message& turn : messages)
    out.push_back(
        Value::of(Dict{{{"role", Value::of(turn.role)}, {"content", Value::of(turn.content)}}}));
  return Value::of(std::move(out));
}

Dict names_of(const std::vector<Message>& messages, bool asks, const FolderTokens& tokens) {
  Dict names{{{"messages", value_of(messages)},
              {"add_generation_prompt", Value::of(asks)},
              {"tools", Value::none()},
              {"documents", Value::none()}}};
  const std::array<std::pair<const char*, const std::string&>, 4> special = {
      {{"bos_token", tokens.bos},
       {"eos_token", tokens.eos},
       {"pad_token", tokens.pad},
       {"unk_token", tokens.unk}}};
  for (const auto& [name, text] : special)
    if (!text.empty()) names.items.emplace_back(name, Value::of(text));
  return names;
}

/// What the template makes of every probe: the prompt, then the conversation with its answer.
std::vector<std::string> rendered_by(const jinja::Node& root, const FolderTokens& tokens) {
  std::vector<std::string> out;
  for (const Probe& probe : probes()) {
    std::vector<Message> messages = probe.prompt;
    try {
      out.push_back(jinja::render(root, names_of(messages, true, tokens)));
      messages.push_back({"assistant", probe.answer});
      out.push_back(jinja::render(root, names_of(messages, false, tokens)));
    } catch (const jinja::Failure& failure) {
      throw jinja::Failure(message("(", probe.name, "): ", failure.what()));
    }
  }
  return out;
}

/// A template that always opens the assistant's turn, as LLaDA's, writes the same prompts and the
/// same answers as one that waits to be asked.
bool agrees(const ChatForm& form, const std::vector<std::string>& theirs, std::size_t i) {
  std::vector<Message> messages = probes()[i].prompt;
  if (theirs[2 * i] != text_of(render_turns(form, messages, GenerationPrompt::written)))
    return false;
  messages.push_back({"assistant", probes()[i].answer});
  return theirs[2 * i + 1] == text_of(render_turns(form, messages, GenerationPrompt::left_out)) ||
         theirs[2 * i + 1] == text_of(render_turns(form, messages, GenerationPrompt::written));
}

}  // namespace

ProbeResult probe_template(std::string_view source, const FolderTokens& tokens) {
  std::vector<std::string> theirs;
  try {
    theirs = rendered_by(*jinja::parse(source), tokens);
  } catch (const jinja::Failure& failure) {
    return {.reason = message("it cannot be rendered here: ", failure.what())};
  }
  std::size_t most = 0;
  std::string nearest, first_difference;
  for (const ChatForm& form : chat_forms()) {
    std::size_t count = 0;
    std::string_view difference;
    for (std::size_t i = 0; i < probes().size(); ++i)
      if (agrees(form, theirs, i))
        ++count;
      else if (difference.empty())
        difference = probes()[i].name;
    if (count == probes().size()) return {.type = form.type};
    if (count <= most) continue;
    most = count;
    nearest = template_name(form.type);
    first_difference = difference;
  }
  if (most == 0) return {.reason = "it writes other turns than any of them"};
  return {.reason = message("the nearest is \"", nearest, "\", which writes ", most, " of ",
                            probes().size(), " probes alike, but not: ", first_difference)};
}

}  // namespace lldm
