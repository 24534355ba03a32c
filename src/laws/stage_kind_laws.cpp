// SPDX-License-Identifier: MIT
#include "lldm/laws/stage_kind_laws.hpp"

#include <algorithm>
#include <memory>
#include <set>

#include "laws/stage_run.hpp"
#include "lldm/config/document.hpp"
#include "lldm/errors.hpp"
#include "lldm/experiment/experiment.hpp"

namespace lldm::laws {
namespace {

using config::Value;

/// A stage as a file would bind it.
struct BoundStage {
  Value table;  // the kind's defaults below the stage's own keys
  std::shared_ptr<const void> options = {};
  Value written = {};
};

BoundStage bind(const Registry& registry, const AnyStageKind& kind, const Value& table) {
  config::Diagnostics diagnostics;
  BoundStage bound{.table = table};
  bound.options = kind.read(table, {diagnostics, "the stage", &registry});
  diagnostics.throw_if_any();
  bound.written = kind.write(bound.options.get());
  return bound;
}

bool has_key(const AnyStageKind& kind, const std::string& key) {
  return std::ranges::any_of(kind.fields(), [&](const auto& field) { return field.key == key; });
}

Finding check_words(const AnyStageKind& kind) {
  if (kind.description().empty() || kind.description().find('\n') != std::string_view::npos)
    return fails("the description is " + config::in_quotes(kind.description()), "one line");
  for (const char* key : {"name", "kind"})
    if (!has_key(kind, key))
      return fails(message("its Options have no key \"", key, "\""),
                   "`name` and `kind`, as every stage");
  for (const auto& field : kind.fields())
    if (field.help.empty())
      return fails("the key \"" + field.key + "\" has no help", "a sentence for people");
  return holds(message(kind.fields().size(), " keys"));
}

Finding check_round_trip(const Registry& registry, const AnyStageKind& kind, const Value& table) {
  const BoundStage first = bind(registry, kind, table);
  Value written = first.written;
  for (const UnreadKey& unread : kind.unread(table)) written.erase(unread.key);
  const BoundStage second = bind(registry, kind, written);
  Value again = second.written;
  for (const UnreadKey& unread : kind.unread(written)) again.erase(unread.key);
  for (const config::Member& member : written.as_table())
    if (const config::Member* other = again.find(member.key);
        !other || !(other->value == member.value))
      return fails(message(member.key, " = ", config::to_toml(member.value), " becomes ",
                           other ? config::to_toml(other->value) : "nothing"),
                   "config.resolved.toml says what was run");
  if (again != written) return fails("keys appear that were not written", "the same keys");
  return holds(message(written.as_table().size(), " keys"));
}

Finding check_file_defaults(const AnyStageKind& kind, const Value& own) {
  const std::vector<std::string> tables = default_tables(), all = kind.file_defaults(nullptr),
                                 taken = kind.file_defaults(&own);
  for (const std::string& name : all) {
    if (std::ranges::find(tables, name) == tables.end())
      return fails("\"" + name + "\" is no role table of a file",
                   config::did_you_mean(name, tables, "tables"));
    if (!has_key(kind, name))
      return fails("the stage has no key \"" + name + "\" to take the table",
                   "tables that are keys of the kind");
  }
  for (const std::string& name : taken)
    if (std::ranges::find(all, name) == all.end())
      return fails("\"" + name + "\" is taken by a stage, and not among all that are taken",
                   "a part of what is named for null");
  if (kind.file_defaults(&own) != taken)
    return fails("two calls differ", "a function of the stage's table");
  return holds(message(all.size(), " tables"));
}

Finding check_unread(const AnyStageKind& kind, const Value& table) {
  std::set<std::string> seen;
  for (const UnreadKey& unread : kind.unread(table)) {
    if (!has_key(kind, unread.key))
      return fails(message("\"", unread.key, "\" is no key of the kind"), "keys of its Options");
    if (!seen.insert(unread.key).second)
      return fails(message("\"", unread.key, "\" stands twice"), "every key once");
  }
  return holds(message(seen.size(), " of such a stage"));
}

void collect_texts(const Value& value, std::set<std::string>& texts) {
  if (value.is_string()) texts.insert(value.as_string());
  if (value.is_array())
    for (const Value& element : value.as_array()) collect_texts(element, texts);
  if (value.is_table())
    for (const config::Member& member : value.as_table()) collect_texts(member.value, texts);
}

/// All that two calls have to agree in.
std::string facts_text(const StageFacts& facts) {
  std::string text = facts.from;
  const auto add = [&](const char* what, const std::vector<std::string>& names) {
    text += message("; ", what);
    for (const std::string& name : names) text += " " + config::in_quotes(name);
  };
  add("inputs", facts.inputs), add("models", facts.models);
  add("sampled", facts.sampled), add("prompts", facts.prompts);
  for (const StageRows& rows : facts.rows)
    text += message("; rows ", rows.key, " ", static_cast<int>(rows.wanted), " ", rows.limit, " ",
                    config::to_toml(rows.data.resolved));
  for (const StageItems& items : facts.items)
    text += message("; items ", items.limit, " ", config::to_toml(items.task.table));
  if (facts.scoring) {
    text += message("; scoring ", facts.scoring->key, " ", facts.scoring->enumerates, " ",
                    config::to_toml(facts.scoring->process.table));
    for (const auto& estimator : facts.scoring->estimators)
      text += message(" ", config::to_toml(estimator.table));
  }
  if (facts.training)
    text += message("; training ", config::to_toml(facts.training->objective.table), " ",
                    facts.training->validation_rows, " ", facts.training->plans_gradient_path);
  return message(text, "; ", facts.records_steps, facts.gives_rows, " ", facts.shown_answers);
}

Finding check_facts(const Registry& registry, const AnyStageKind& kind, const Value& table) {
  const BoundStage bound = bind(registry, kind, table);
  const StageFacts facts = kind.facts(bound.options.get());
  if (const std::string first = facts_text(facts),
      second = facts_text(kind.facts(bound.options.get()));
      first != second)
    return fails(message("they were (", first, "), then (", second, ")"),
                 "a function of the options");
  std::set<std::string> texts, known;
  collect_texts(bound.table, texts);
  for (const std::string& name : facts.all_inputs()) {
    if (name.empty() || !texts.contains(name))
      return fails("it reads \"" + name + "\", which its table does not name",
                   "stages and model folders that the file names");
    known.insert(name);
  }
  if (!facts.from.empty() && std::ranges::find(facts.inputs, facts.from) == facts.inputs.end())
    return fails("`from` \"" + facts.from + "\" is not among the inputs", "one of them");
  for (const std::string& name : facts.sampled)
    if (!known.contains(name))
      return fails("it samples \"" + name + "\", which it does not read", "models that it reads");
  for (const StageRows& rows : facts.rows)
    if (!has_key(kind, rows.key) || !rows.data.is_given())
      return fails("it reads rows at \"" + rows.key + "\", where its table has none",
                   "keys that name rows");
  if (facts.scoring && !has_key(kind, facts.scoring->key))
    return fails("its estimators stand at \"" + facts.scoring->key + "\", which is no key of it",
                 "a key of the kind");
  return holds(message(known.size(), " inputs, ", facts.rows.size(), " tables of rows"));
}

Finding check_run(const Registry& registry, MemoryManager& memory, const AnyStageKind& kind,
                  const Value& table, const Value& own) {
  const StageFacts facts = kind.facts(bind(registry, kind, table).options.get());
  const bool stands_alone = facts.all_inputs().empty() && facts.rows.empty() &&
                            facts.items.empty() && !facts.scoring && !facts.training;
  if (!stands_alone) return unchecked("it reads models, rows or tasks: an experiment shows it");
  return check_stage_run(registry, memory, own);
}

}  // namespace

std::vector<Law> stage_kind_laws(const Registry& registry, MemoryManager& memory,
                                 const AnyStageKind& kind, const Value& own) {
  const Value table = merged(kind.defaults(), own);
  return {{"it says what it and its keys are", [=] { return check_words(kind); }},
          {"its defaults are legal",
           [=, &registry] {
             static_cast<void>(bind(registry, kind, table));
             return holds(message(kind.defaults().as_table().size(), " defaults"));
           }},
          {"what is written reads back alike",
           [=, &registry] { return check_round_trip(registry, kind, table); }},
          {"file_defaults names role tables that it has",
           [=] { return check_file_defaults(kind, own); }},
          {"unread keys are keys of the kind", [=] { return check_unread(kind, table); }},
          {"facts are stable and name what the table names",
           [=, &registry] { return check_facts(registry, kind, table); }},
          {"a run gives the same finite figures, inside its folder",
           [=, &registry, &memory] { return check_run(registry, memory, kind, table, own); }}};
}

}  // namespace lldm::laws
