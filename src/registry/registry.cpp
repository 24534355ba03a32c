// SPDX-License-Identifier: MIT
#include "lldm/registry/registry.hpp"

#include <algorithm>
#include <utility>

#include "lldm/build_id.hpp"
#include "lldm/errors.hpp"
#include "registry/foreign_keys.hpp"
#include "registry/names.hpp"

namespace lldm {
namespace {

using config::in_quotes;

std::string where_of(Role role) { return message("[", role_name(role), "]"); }

/// The resolved table: the choice of component first, then every option, then the caller's own
/// keys; what the user wrote keeps its place.
config::Value resolved_table(const config::Value& given, config::Value written,
                             std::string_view type_key, std::span<const std::string> extra_keys) {
  config::Value result = config::Value::table({}, given.position());
  const auto copy = [&](std::string_view key) {
    if (const config::Member* member = given.find(key))
      result.set(key, member->value, member->position);
  };
  copy(type_key);
  for (config::Member& member : written.as_table()) {
    config::Position key_position = given.position();
    config::Position value_position = given.position();
    if (const config::Member* old = given.find(member.key))
      key_position = old->position, value_position = old->value.position();
    member.value.set_position(value_position);
    result.set(member.key, std::move(member.value), key_position);
  }
  for (const std::string& key : extra_keys) copy(key);
  return result;
}

/// A table that names its component by another word, with `type`.
config::Value with_type(const config::Value& table, std::string_view synonym) {
  config::Value named = config::Value::table({}, table.position());
  for (const config::Member& member : table.as_table())
    named.set(member.key == synonym ? "type" : member.key, member.value, member.position);
  return named;
}

}  // namespace

Registry::Registry() : origin_{"lldm", std::string(version())} {}

Registry& Registry::add(Entry entry) {
  if (entry.origin.plugin.empty()) entry.origin = origin_;
  const std::string what =
      message(role_name(entry.role), " ", in_quotes(entry.name), " of ", entry.origin.text());
  if (!is_component_name(entry.name))
    throw PluginError(what +
                      ": this is no legal name\n  legal: [a-z][a-z0-9_]*, like \"margin_dpo\"");
  for (const config::FieldInfo& field : entry.fields)
    if (!is_component_name(field.key) || field.key == "type")
      throw PluginError(what + ": an option cannot be called " + in_quotes(field.key) +
                        "\n  legal: [a-z][a-z0-9_]*, but not \"type\"");
  if (const auto old = find(entry.role, entry.name)) {
    const auto place = [](const Origin& origin) {
      return origin.location.empty() ? origin.text() : origin.text() + " (" + origin.location + ")";
    };
    throw PluginError(message(what, " exists already\n  first: ", place(old->origin),
                              "\n  again: ", place(entry.origin), "; rename one of them"));
  }
  entries_.push_back(std::make_shared<const Entry>(std::move(entry)));
  return *this;
}

std::vector<std::shared_ptr<const Entry>> Registry::entries(Role role) const {
  std::vector<std::shared_ptr<const Entry>> result;
  for (const auto& entry : entries_)
    if (entry->role == role) result.push_back(entry);
  return result;
}

std::shared_ptr<const Entry> Registry::find(Role role, std::string_view name) const {
  for (const auto& entry : entries_)
    if (entry->role == role && entry->name == name) return entry;
  return nullptr;
}

std::string Registry::listing(Role role) const {
  std::string text = std::string(role_plural(role)) + ": ";
  const auto list = entries(role);
  if (list.empty()) return text + "none";
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string origin = list[i]->origin.text();
    const bool is_last = i + 1 == list.size();
    text += list[i]->name;
    if (is_last || list[i + 1]->origin.text() != origin)
      text += " (" + origin + ")" + (is_last ? "" : "; ");
    else
      text += ", ";
  }
  return text;
}

std::shared_ptr<const Entry> Registry::pick(Role role, const config::Value& table,
                                            const std::string& where, std::string_view synonym,
                                            config::Diagnostics& diagnostics) const {
  const config::Member* type = table.find("type");
  const config::Member* other = synonym.empty() ? nullptr : table.find(synonym);
  if (type && other) {
    diagnostics.error(other->position,
                      message(where, " has both \"type\" and ", in_quotes(synonym)),
                      "they mean the same: leave one out");
    return nullptr;
  }
  if (!type) type = other;
  if (!type) {
    diagnostics.error(table.position(), message(where, ": \"type\" is missing"), listing(role));
    return nullptr;
  }
  if (!type->value.is_string()) {
    diagnostics.error(type->value.position(),
                      message(where, ": ", in_quotes(type->key), " must be a name in quotes"),
                      "got " + type->value.seen() + "; " + listing(role));
    return nullptr;
  }
  const std::string& name = type->value.as_string();
  if (auto entry = find(role, name)) return entry;
  std::vector<std::string> names;
  for (const auto& entry : entries(role)) names.push_back(entry->name);
  const auto close = config::nearest(name, names);
  diagnostics.error(type->value.position(),
                    message(where, ": no ", role_name(role), " is named ", in_quotes(name)),
                    (close ? "did you mean " + in_quotes(*close) + "?  " : "") + listing(role));
  return nullptr;
}

namespace {

/// Reports and removes the keys of an objective's table that have another library's name, so that
/// they are answered with more than "no key".  True if there were none.
bool take_foreign_keys(config::Value& table, const Entry& entry,
                       const config::ReadContext& context) {
  bool is_clean = true;
  const config::Value given = table;
  for (const config::Member& member : given.as_table()) {
    const bool is_field = std::ranges::any_of(
        entry.fields, [&](const auto& field) { return field.key == member.key; });
    const std::string_view hint = foreign_key_hint(member.key);
    if (is_field || hint.empty()) continue;
    context.diagnostics.error(member.position,
                              message(context.where, " has no key ", in_quotes(member.key)),
                              std::string(hint));
    table.erase(member.key);
    is_clean = false;
  }
  return is_clean;
}

}  // namespace

BoundComponent Registry::bind(Role role, const config::Value& table,
                              config::Diagnostics& diagnostics, const BindOptions& options) const {
  const std::string where = options.where.empty() ? where_of(role) : options.where;
  BoundComponent bound{nullptr, nullptr, table, where};
  if (!table.is_table()) {
    diagnostics.error(table.position(), message(where, " must be a table with `type`"),
                      "got " + table.seen() + "; " + listing(role));
    return bound;
  }
  const auto entry = pick(role, table, where, options.synonym, diagnostics);
  if (!entry) return bound;
  const std::string type_key = table.find("type") ? "type" : options.synonym;
  bound.where = message(where, " ", type_key, " ", in_quotes(entry->name));
  config::ReadContext context{diagnostics, bound.where, this, {}, options.extra_keys};
  if (entry->origin.plugin != "lldm") context.origin = "plugin " + entry->origin.text();
  config::Value own = table;
  own.erase(type_key);
  const bool is_own = role != Role::objective || take_foreign_keys(own, *entry, context);
  bound.options = entry->read(own, context);
  if (!bound.options || !is_own) return bound;
  bound.entry = entry;
  const config::Value written = entry->write(bound.options.get());
  bound.table = resolved_table(table, written, type_key, options.extra_keys);
  // Paths are absolute from here on, as they are written.
  if (std::ranges::any_of(entry->fields, [](const auto& field) { return field.type == "path"; })) {
    config::Diagnostics told = diagnostics.aside();
    bound.options =
        entry->read(written, config::ReadContext{told, bound.where, this, {}, options.extra_keys});
  }
  return bound;
}

BoundComponent Registry::bind_or_throw(Role role, const config::Value& table,
                                       std::vector<std::string> extra_keys) const {
  config::Diagnostics diagnostics;
  BoundComponent bound = bind(role, table, diagnostics, {{}, {}, std::move(extra_keys)});
  diagnostics.throw_if_any();
  return bound;
}

std::any Registry::make_any(const BoundComponent& bound, const Services& services) const {
  if (!bound)
    throw Error(
        "Registry::make: the component is not bound\n  check the diagnostics of bind first");
  try {
    return bound.entry->make(bound.options.get(), services);
  } catch (const ConfigError& error) {
    const std::string place = bound.table.position().text();
    throw ConfigError(message(place, place.empty() ? "" : ": ", bound.where, ": ", error.what()));
  }
}

void Registry::wrong_role(const BoundComponent& bound) {
  throw Error(message("Registry::make: ", bound.where, " is a ", role_name(bound.entry->role),
                      "\n  ask for the Any type of that role"));
}

std::string Registry::component_text(const BoundComponent& bound) {
  return message(role_name(bound.entry->role), " ", in_quotes(bound.entry->name));
}

std::string Registry::plugin_text(const BoundComponent& bound) {
  return bound.entry->origin.plugin == "lldm" ? "" : bound.entry->origin.text();
}

Registry& Registry::add(const AnyStageKind& kind) {
  for (const RegisteredStageKind& known : stage_kinds_)
    if (known.kind.name() == kind.name())
      throw PluginError(message("a kind of stage named \"", kind.name(), "\" is there already\n  ",
                                "it comes from ", known.origin.text(), ", again from ",
                                origin_.text()));
  stage_kinds_.push_back({kind, origin_});
  return *this;
}

const AnyStageKind* Registry::find_stage_kind(std::string_view name) const {
  for (const RegisteredStageKind& known : stage_kinds_)
    if (known.kind.name() == name) return &known.kind;
  return nullptr;
}

config::ComponentChecker::Checked Registry::check_component(
    const Question& asked, config::Diagnostics& diagnostics) const {
  const auto known = role_from_text(asked.role);
  if (!known) throw Error(message("Registry: there is no role ", in_quotes(asked.role)));
  auto bound = std::make_shared<BoundComponent>(
      bind(*known, asked.table, diagnostics, {asked.where, asked.synonym, asked.extra_keys}));
  if (!*bound) return {bound->table, nullptr};
  if (!bound->table.find("type")) bound->table = with_type(bound->table, asked.synonym);
  // The stage is said by whoever makes it.
  bound->where = message(where_of(*known), " type ", in_quotes(bound->entry->name));
  return {bound->table, bound};
}

BoundComponent Registry::bound_of(Role role, const config::Value& table,
                                  const std::shared_ptr<const void>& checked,
                                  std::vector<std::string> extra_keys) const {
  if (checked)
    if (const auto& bound = *static_cast<const BoundComponent*>(checked.get());
        bound.table == table)  // nobody has changed it since
      return bound;
  return bind_or_throw(role, table, std::move(extra_keys));
}

}  // namespace lldm
