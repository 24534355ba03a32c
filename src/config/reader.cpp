// SPDX-License-Identifier: MIT
#include "lldm/config/reader.hpp"

#include <algorithm>

#include "config/path_variables.hpp"
#include "lldm/config/document.hpp"
#include "lldm/config/foreign_names.hpp"
#include "lldm/errors.hpp"
#include "storage/input_file.hpp"

namespace lldm::config {
namespace {

std::string with_article(std::string_view type) {
  const bool is_vowel = std::string_view("aeiou").find(type.front()) != std::string_view::npos;
  return std::string(is_vowel ? "an " : "a ") + std::string(type);
}

/// What a value must be: "an integer", "a list of numbers", "a string like \"2 GiB\"".
std::string wanted(const Slot& slot) {
  std::string type = slot.info.type;
  if (!slot.element.empty() && type.starts_with("list of "))  // of lists of: only one level is used
    type = type.substr(8, type.size() - 9);
  if (type == "size") return "a size with its unit, like \"2 GiB\"";
  if (type == "choice") return "one of the choices";
  if (type == "path") return "a path in quotes";
  if (role_from_text(type)) return with_article(type) + ": its name, or a table with `type`";
  return with_article(type);
}

std::string label(const Slot& slot) { return in_quotes(slot.info.key) + slot.element; }

/// "; legal: above 0; default: 0.1"
std::string legal(const FieldInfo& info) {
  std::string text;
  if (!info.choices.empty()) {
    text += "; choices: ";
    for (std::size_t i = 0; i < info.choices.size(); ++i) text += (i ? ", " : "") + info.choices[i];
  }
  if (!info.range.empty()) text += "; legal: " + info.range;
  if (!info.unit.empty()) text += " " + info.unit;
  if (!info.default_text.empty()) text += "; default: " + info.default_text;
  return text;
}

/// Where below `fields` a key of that name stands: "optimizer.learning_rate"; "" if nowhere.
std::string path_below(const std::string& key, std::span<const FieldInfo> fields) {
  for (const FieldInfo& info : fields) {
    for (const FieldInfo& inner : info.fields)
      if (inner.key == key) return info.key + "." + key;
    if (const std::string deeper = path_below(key, info.fields); !deeper.empty())
      return info.key + "." + deeper;
  }
  return "";
}

void report_unknown(const Member& member, std::span<const FieldInfo> fields,
                    const ReadContext& context) {
  std::vector<std::string> keys;
  for (const FieldInfo& info : fields) keys.push_back(info.key);
  keys.insert(keys.end(), context.extra_keys.begin(), context.extra_keys.end());
  std::string hint = did_you_mean(member.key, keys, "keys");
  for (const FieldInfo& info : fields)
    if (info.old_key == member.key) hint = message("it is called ", in_quotes(info.key), " now");
  if (const std::string path = path_below(member.key, fields); !path.empty())
    hint = "did you mean " + in_quotes(path) + "?  " + hint;
  else if (const std::string known = foreign_hint(member.key); !known.empty())
    hint = known + "\n  " + hint;
  if (!context.origin.empty()) hint += "  (" + context.origin + ")";
  context.diagnostics.error(member.position,
                            message(context.where, " has no key ", in_quotes(member.key)), hint);
}

void report_missing(const FieldInfo& info, const Value& table, const ReadContext& context) {
  context.diagnostics.error(
      table.position(), message(context.where, ": ", in_quotes(info.key), " is missing"),
      message("it must be given: ", with_article(info.type), legal(info), ".  ", info.help));
}

}  // namespace

bool Slot::fail(const Value& value, std::string_view what, std::string hint) const {
  context.diagnostics.error(value.position(), message(context.where, ": ", label(*this), " ", what),
                            std::move(hint));
  return false;
}

bool Slot::wrong_type(const Value& value) const {
  return fail(value, "must be " + wanted(*this), "got " + value.seen() + legal(info));
}

bool Slot::out_of_range(const Value& value) const {
  std::string what = "must be " + info.range;
  if (!info.unit.empty()) what += " " + info.unit;
  std::string hint = "got " + to_toml(value);
  if (!info.default_text.empty()) hint += "; default: " + info.default_text;
  return fail(value, what, hint);
}

bool read_table(const Value& table, std::span<const FieldInfo> fields, void* options,
                const ReadContext& context) {
  bool is_ok = true;
  for (const Member& member : table.as_table()) {
    const auto info = std::find_if(fields.begin(), fields.end(),
                                   [&](const FieldInfo& field) { return field.key == member.key; });
    if (info != fields.end()) {
      is_ok = info->read(member.value, options, Slot{*info, context}) && is_ok;
    } else if (std::find(context.extra_keys.begin(), context.extra_keys.end(), member.key) ==
               context.extra_keys.end()) {
      report_unknown(member, fields, context);
      is_ok = false;
    }
  }
  for (const FieldInfo& info : fields)
    if (info.is_required && !table.find(info.key)) {
      report_missing(info, table, context);
      is_ok = false;
    }
  return is_ok;
}

Value write_table(std::span<const FieldInfo> fields, const void* options) {
  Value table;
  for (const FieldInfo& info : fields)
    if (auto value = info.write(options)) {
      const bool is_no_path =
          info.type == "path" && value->is_string() && value->as_string().empty();
      if (!is_no_path) table.set(info.key, std::move(*value));  // "" would not read back
    }
  return table;
}

bool read_value(const Value& value, bool& out, const Slot& slot) {
  if (!value.is_boolean()) return slot.wrong_type(value);
  out = value.as_boolean();
  return true;
}

bool read_value(const Value& value, std::int64_t& out, const Slot& slot) {
  if (!value.is_integer()) return slot.wrong_type(value);
  if (!slot.info.limits.contains(value.as_real())) return slot.out_of_range(value);
  out = value.as_integer();
  return true;
}

bool read_value(const Value& value, double& out, const Slot& slot) {
  if (!value.is_real() && !value.is_integer()) return slot.wrong_type(value);
  if (!slot.info.limits.contains(value.as_real())) return slot.out_of_range(value);
  out = value.as_real();
  return true;
}

bool read_value(const Value& value, std::string& out, const Slot& slot) {
  if (!value.is_string()) return slot.wrong_type(value);
  out = value.as_string();
  return true;
}

bool read_value(const Value& value, std::filesystem::path& out, const Slot& slot) {
  if (!value.is_string() || value.as_string().empty()) return slot.wrong_type(value);
  const std::string& text = value.as_string();
  if (const std::size_t open = text.rfind("${");
      open != std::string::npos && text.find('}', open) == std::string::npos)
    return slot.fail(value, "has a \"${\" without \"}\"", "got " + in_quotes(text));
  if (const std::string name = unset_variable(text); !name.empty()) {
    slot.context.diagnostics.missing(
        value.position(),
        message(slot.context.where, ": ", label(slot), " needs the environment variable ", name,
                ", which is not set"),
        message("got ", in_quotes(text), "; set it: export ", name, "=FOLDER"));
    out = text;  // a file of that name is not there
    return slot.context.diagnostics.expects_missing();
  }
  const std::filesystem::path path = with_variables(text);
  if (const std::string problem = path_problem(path.native()); !problem.empty())
    return slot.fail(value, "names no file", "the name " + problem);
  const auto& source = value.position().source;
  out = path.is_absolute() || !source ? path : (source->folder / path).lexically_normal();
  if (const std::string bare = bare_variable(text); !bare.empty() && !std::filesystem::exists(out))
    return slot.fail(value, message("names no file: \"$", bare, "\" is taken as it stands"),
                     message("a variable of the environment is written ${", bare, "}"));
  return true;
}

bool read_value(const Value& value, std::map<std::string, double>& out, const Slot& slot) {
  if (!value.is_table()) return slot.wrong_type(value);
  out.clear();
  bool is_ok = true;
  for (const Member& member : value.as_table()) {
    const Value& number = member.value;
    const Slot inner{slot.info, slot.context, slot.element + " key " + in_quotes(member.key)};
    if (!number.is_real() && !number.is_integer()) {
      is_ok = inner.fail(number, "must be a number", "got " + number.seen());
    } else if (!slot.info.limits.contains(number.as_real())) {
      is_ok = inner.out_of_range(number);
    } else {
      out[member.key] = number.as_real();
    }
  }
  return is_ok;
}

bool read_value(const Value& value, Value& out, const Slot&) {
  out = value;
  return true;
}

bool read_choice(const Value& value, std::size_t& out, const Slot& slot) {
  if (!value.is_string()) return slot.wrong_type(value);
  const auto& choices = slot.info.choices;
  const auto it = std::find(choices.begin(), choices.end(), value.as_string());
  if (it == choices.end())
    return slot.fail(value, "cannot be " + in_quotes(value.as_string()),
                     did_you_mean(value.as_string(), choices, "choices"));
  out = static_cast<std::size_t>(it - choices.begin());
  return true;
}

bool read_component(const Value& value, ComponentSlot out, std::string_view role,
                    std::span<const std::string> extra_keys, const Slot& slot) {
  if (!value.is_string() && !value.is_table()) return slot.wrong_type(value);
  out.bound = nullptr;
  out.table = value;
  if (value.is_string()) {
    out.table = Value::table({}, value.position());
    out.table.set("type", value, value.position());
  }
  const ReadContext& context = slot.context;
  if (!context.components) return true;
  const std::size_t before = context.diagnostics.num_errors();
  ComponentChecker::Checked checked =
      context.components->check_component({.role = role,
                                           .table = out.table,
                                           .where = context.where + " " + label(slot),
                                           .extra_keys = {extra_keys.begin(), extra_keys.end()}},
                                          context.diagnostics);
  out.table = std::move(checked.table);
  out.bound = std::move(checked.bound);
  return context.diagnostics.num_errors() == before;
}

void set_default_text(FieldInfo& info, const void* defaults, bool is_path) {
  if (info.is_required) return;
  const auto value = info.write(defaults);
  if (!value) return;
  if (is_path && value->is_string()) {
    const auto base = std::filesystem::current_path();
    info.default_text = to_toml(Value::string(
        std::filesystem::path(value->as_string()).lexically_proximate(base).string()));
  } else {
    info.default_text = to_toml(*value);
  }
}

}  // namespace lldm::config
