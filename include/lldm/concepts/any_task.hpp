// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "lldm/concepts/task.hpp"
#include "lldm/errors.hpp"

namespace lldm {

/// Any Task behind one type.  Whether it can inject errors is known at run time: `can_inject()`.
class AnyTask {
 public:
  template <Task T>
    requires(!std::is_same_v<T, AnyTask>)
  explicit(false) AnyTask(T task) : self_(std::make_shared<const Model<T>>(std::move(task))) {}

  [[nodiscard]] std::vector<Example> examples() const { return self_->examples(); }
  [[nodiscard]] Verdict check(const Example& example, std::string_view output) const {
    return self_->check(example, output);
  }
  /// Whether the task it was made from is an InjectingTask.
  [[nodiscard]] bool can_inject() const { return self_->can_inject(); }
  /// Error if `can_inject()` is false.
  [[nodiscard]] std::optional<Injection> inject_error(const Example& example, Stream& draws) const {
    return self_->inject_error(example, draws);
  }
  /// Texts that hold every word the task can produce, for a word vocabulary; none if the task is no
  /// VocabularyTask.
  [[nodiscard]] std::vector<std::string> vocabulary_texts() const {
    return self_->vocabulary_texts();
  }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual std::vector<Example> examples() const = 0;
    virtual Verdict check(const Example&, std::string_view) const = 0;
    virtual bool can_inject() const = 0;
    virtual std::vector<std::string> vocabulary_texts() const = 0;
    virtual std::optional<Injection> inject_error(const Example&, Stream&) const = 0;
  };
  template <class T>
  struct Model final : Interface {
    explicit Model(T value) : value_(std::move(value)) {}
    std::vector<Example> examples() const override { return value_.examples(); }
    Verdict check(const Example& example, std::string_view output) const override {
      return value_.check(example, output);
    }
    bool can_inject() const override { return InjectingTask<T>; }
    std::vector<std::string> vocabulary_texts() const override {
      if constexpr (VocabularyTask<T>) {
        return value_.vocabulary_texts();
      } else {
        return {};
      }
    }
    std::optional<Injection> inject_error(const Example& example, Stream& draws) const override {
      if constexpr (InjectingTask<T>) {
        return value_.inject_error(example, draws);
      } else {
        (void)example, (void)draws;
        throw Error("this task cannot inject errors\n  ask can_inject() first");
      }
    }
    T value_;
  };
  std::shared_ptr<const Interface> self_;
};
static_assert(Task<AnyTask> && InjectingTask<AnyTask>);

}  // namespace lldm
