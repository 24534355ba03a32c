// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <typeinfo>

#include "lldm/concepts/stage_kind.hpp"
#include "lldm/config/reader.hpp"

namespace lldm {

/// Any StageKind behind one type; options travel as pointers to the kind's own type.
class AnyStageKind {
 public:
  template <StageKind K>
  static AnyStageKind of();

  [[nodiscard]] std::string_view name() const { return self_->name(); }
  [[nodiscard]] std::string_view description() const { return self_->description(); }
  [[nodiscard]] const std::vector<config::FieldInfo>& fields() const { return self_->fields(); }
  [[nodiscard]] config::Value defaults() const { return self_->defaults(); }
  [[nodiscard]] std::vector<std::string> file_defaults(const config::Value* own) const {
    return self_->file_defaults(own);
  }
  /// Keys that a table gives and nobody reads; empty for a kind that is not selective.
  [[nodiscard]] std::vector<UnreadKey> unread(const config::Value& own) const {
    return self_->unread(own);
  }
  /// A table as the kind's Options, as far as it is legal; what is wrong goes to the diagnostics.
  [[nodiscard]] std::shared_ptr<const void> read(const config::Value& table,
                                                 const config::ReadContext& context) const {
    return self_->read(table, context);
  }
  [[nodiscard]] config::Value write(const void* options) const { return self_->write(options); }
  [[nodiscard]] StageFacts facts(const void* options) const;
  /// Does nothing for a kind without checks of its own.
  void check(const void* options, StageFit& fit) const { self_->check(options, fit); }
  /// Nothing of note for a kind without a plan.
  [[nodiscard]] StagePlan plan(const void* options, const Experiment& experiment,
                               const Registry& registry) const;
  [[nodiscard]] nlohmann::ordered_json run(const void* options, const RunContext& context,
                                           const Work& work) const;
  /// Equal in copies of one kind, and in nothing else.
  [[nodiscard]] std::shared_ptr<const void> identity() const { return self_; }
  [[nodiscard]] bool holds(const std::type_info& options) const {
    return self_->options_type() == options;
  }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual std::string_view name() const = 0;
    virtual std::string_view description() const = 0;
    virtual const std::vector<config::FieldInfo>& fields() const = 0;
    virtual config::Value defaults() const = 0;
    virtual std::vector<std::string> file_defaults(const config::Value*) const = 0;
    virtual std::vector<UnreadKey> unread(const config::Value&) const = 0;
    virtual std::shared_ptr<const void> read(const config::Value&,
                                             const config::ReadContext&) const = 0;
    virtual config::Value write(const void*) const = 0;
    virtual StageFacts facts(const void*) const = 0;
    virtual void check(const void*, StageFit&) const = 0;
    virtual StagePlan plan(const void*, const Experiment&, const Registry&) const = 0;
    virtual nlohmann::ordered_json run(const void*, const RunContext&, const Work&) const = 0;
    virtual const std::type_info& options_type() const = 0;
  };
  template <class K>
  struct Model;

  explicit AnyStageKind(std::shared_ptr<const Interface> self) : self_(std::move(self)) {}
  std::shared_ptr<const Interface> self_;
};

}  // namespace lldm
