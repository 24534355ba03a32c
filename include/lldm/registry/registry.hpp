// SPDX-License-Identifier: MIT
#pragma once

#include <any>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "lldm/concepts/any_stage_kind.hpp"
#include "lldm/config/component_ref.hpp"
#include "lldm/config/field_info.hpp"
#include "lldm/config/role.hpp"

namespace lldm {

struct Services;

/// Who brought a component.
struct Origin {
  std::string plugin;  // "lldm" for built-in ones
  std::string version;
  std::string location = {};  // file:line of LLDM_PLUGIN

  /// "remask 0.1.2"
  [[nodiscard]] std::string text() const { return plugin + " " + version; }
};

/// A component without its type.  `Registry::add<C>()` fills it in.
struct Entry {
  Role role;
  std::string name;
  std::string description;
  Origin origin;
  std::vector<std::pair<std::string, std::string>> facts;  // name and text, for `describe`
  std::vector<config::FieldInfo> fields;
  /// A table as the component's Options; null after reporting.
  std::shared_ptr<const void> (*read)(const config::Value& table,
                                      const config::ReadContext& context);
  config::Value (*write)(const void* options);
  /// The role's Any type.
  std::any (*make)(const void* options, const Services& services);
};

/// A table whose component was found and whose options are legal, ready to be made any number of
/// times.
struct BoundComponent {
  std::shared_ptr<const Entry> entry;   // null if something was wrong
  std::shared_ptr<const void> options;  // of entry's own type
  config::Value table;                  // with `type` and every default filled in
  std::string where;                    // "[objective] type \"dpo\""

  explicit operator bool() const { return entry != nullptr; }
};

/// A kind of stage, and who brought it.
struct RegisteredStageKind {
  AnyStageKind kind;
  Origin origin;
};

struct BindOptions {
  std::string where = {};                    // "stage \"tuned\" [objective]"; "[<role>]" when empty
  std::string synonym = {};                  // another word for `type`: "generate"
  std::vector<std::string> extra_keys = {};  // keys of the table that the caller reads itself
};

/// The components of every role, by name.  An object that the program owns and passes on: there is
/// no global one.  Copying is cheap.
class Registry final : public config::ComponentChecker {
 public:
  /// What is added next belongs to `origin`.  Initially lldm itself.
  void set_origin(Origin origin) { origin_ = std::move(origin); }
  [[nodiscard]] const Origin& origin() const { return origin_; }
  Registry();

  /// Adds a component, or a kind of stage; its role is found by concept.  Defined in
  /// registry/registration.hpp; a kind of stage also needs experiment/stage_kind_model.hpp.
  template <class C>
  Registry& add();
  /// PluginError if a name or key is not [a-z][a-z0-9_]*, or if the role has that name already.
  Registry& add(Entry entry);

  /// PluginError if a kind of that name is there.
  Registry& add(const AnyStageKind& kind);
  [[nodiscard]] const std::vector<RegisteredStageKind>& stage_kinds() const { return stage_kinds_; }
  /// Null if no kind of stage has that name.
  [[nodiscard]] const AnyStageKind* find_stage_kind(std::string_view name) const;

  /// In the order of registration.
  [[nodiscard]] std::vector<std::shared_ptr<const Entry>> entries() const { return entries_; }
  [[nodiscard]] std::vector<std::shared_ptr<const Entry>> entries(Role role) const;
  [[nodiscard]] std::shared_ptr<const Entry> find(Role role, std::string_view name) const;
  /// `objectives: dpo, ipo (lldm 0.1.0); margin_dpo (margin_objective 0.1.0)`
  [[nodiscard]] std::string listing(Role role) const;

  /// Finds the component that `table` names and reads its options, without making it.  Everything
  /// wrong goes to `diagnostics`, and the result is then empty.
  [[nodiscard]] BoundComponent bind(Role role, const config::Value& table,
                                    config::Diagnostics& diagnostics,
                                    const BindOptions& options = {}) const;

  /// Makes a bound component.  ConfigError, with the place of the table, if its constructor
  /// refuses.
  template <class AnyRole>
  [[nodiscard]] AnyRole make(const BoundComponent& bound, const Services& services) const {
    std::any made = make_any(bound, services);
    if (AnyRole* value = std::any_cast<AnyRole>(&made)) {
      // What hands out plans says in them who made it.
      if constexpr (requires { value->set_origin({"component", "plugin"}); })
        value->set_origin({component_text(bound), plugin_text(bound)});
      return std::move(*value);
    }
    wrong_role(bound);
  }
  /// Makes what an option of a stage or of another component refers to; binds it first where no
  /// registry has checked it yet.
  template <class AnyRole, Role R, class Extra>
  [[nodiscard]] AnyRole make(const ComponentRef<R, Extra>& ref, const Services& services) const {
    return make<AnyRole>(bound_of(R, ref.table, ref.bound, extra_keys_of(Extra::describe())),
                         services);
  }

  [[nodiscard]] std::any make_any(const BoundComponent& bound, const Services& services) const;
  /// ConfigError instead of diagnostics.
  [[nodiscard]] BoundComponent bind_or_throw(Role role, const config::Value& table,
                                             std::vector<std::string> extra_keys) const;

  [[nodiscard]] Checked check_component(const Question& asked,
                                        config::Diagnostics& diagnostics) const override;

 private:
  [[nodiscard]] BoundComponent bound_of(Role role, const config::Value& table,
                                        const std::shared_ptr<const void>& checked,
                                        std::vector<std::string> extra_keys) const;
  [[noreturn]] static void wrong_role(const BoundComponent& bound);
  /// `score_estimator "x"`; "remask 0.1.2", or "" for lldm's own.
  static std::string component_text(const BoundComponent& bound);
  static std::string plugin_text(const BoundComponent& bound);
  [[nodiscard]] std::shared_ptr<const Entry> pick(Role role, const config::Value& table,
                                                  const std::string& where,
                                                  std::string_view synonym,
                                                  config::Diagnostics& diagnostics) const;
  template <class... Fields>
  static std::vector<std::string> extra_keys_of(const std::tuple<Fields...>& fields) {
    return std::apply(
        [](const auto&... field) { return std::vector<std::string>{std::string(field.key)...}; },
        fields);
  }

  std::vector<std::shared_ptr<const Entry>> entries_;
  std::vector<RegisteredStageKind> stage_kinds_;
  Origin origin_;
};

}  // namespace lldm
