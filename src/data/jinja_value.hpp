// SPDX-License-Identifier: MIT
// Values of the Jinja subset that chat templates are written in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace lldm::jinja {

/// A template cannot be read or run: no fault of the program, and never more than a sentence.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Value;
using List = std::vector<Value>;
/// Keys in their order.  A namespace is a dict whose members `set` may change.
struct Dict {
  std::vector<std::pair<std::string, Value>> items;
  bool is_namespace = false;
};
/// Arguments of a call, filter or test: positional ones, then named ones.
struct Arguments {
  List positional;
  std::vector<std::pair<std::string, Value>> named;
};
using Function = std::function<Value(const Arguments&)>;

/// What a name without a value is: prints as nothing, and using it is a failure.
struct Undefined {
  std::string name;
};
struct None {};

class Value {
 public:
  Value() : data_(Undefined{}) {}
  static Value undefined(std::string name) { return Value(Data(Undefined{std::move(name)})); }
  static Value none() { return Value(Data(None{})); }
  static Value of(bool value) { return Value(Data(value)); }
  static Value of(std::int64_t value) { return Value(Data(value)); }
  static Value of(std::string value) { return Value(Data(std::move(value))); }
  static Value of(std::string_view value) { return of(std::string(value)); }
  static Value of(const char* value) { return of(std::string(value)); }
  static Value of(List items) { return Value(Data(std::make_shared<List>(std::move(items)))); }
  static Value of(Dict items) { return Value(Data(std::make_shared<Dict>(std::move(items)))); }
  static Value of(Function function) {
    return Value(Data(std::make_shared<Function>(std::move(function))));
  }

  [[nodiscard]] bool is_undefined() const { return holds<Undefined>(); }
  [[nodiscard]] bool is_none() const { return holds<None>(); }
  [[nodiscard]] bool is_boolean() const { return holds<bool>(); }
  [[nodiscard]] bool is_integer() const { return holds<std::int64_t>(); }
  [[nodiscard]] bool is_text() const { return holds<std::string>(); }
  [[nodiscard]] bool is_list() const { return holds<std::shared_ptr<List>>(); }
  [[nodiscard]] bool is_dict() const { return holds<std::shared_ptr<Dict>>(); }
  [[nodiscard]] bool is_function() const { return holds<std::shared_ptr<Function>>(); }

  // Each is a Failure that says what the value is instead.
  [[nodiscard]] std::int64_t integer() const;  // a boolean counts, as in Python
  [[nodiscard]] const std::string& text() const;
  [[nodiscard]] List& list() const;
  [[nodiscard]] Dict& dict() const;
  [[nodiscard]] const Function& function() const;

  [[nodiscard]] bool is_true() const;  // Python's truth
  [[nodiscard]] bool equals(const Value& other) const;
  /// What `{{ value }}` writes: text, integers and booleans; nothing if undefined.  Failure for
  /// lists and dicts, whose Python form no prompt should hold.
  [[nodiscard]] std::string printed() const;
  [[nodiscard]] std::string_view kind() const;
  /// How much there is to walk through: 1, and the bytes of a text / 64, and what a list or dict
  /// holds.  Failure over 8 lists in one another, and for a namespace in one: no value holds
  /// itself.
  [[nodiscard]] std::size_t weight(int depth = 0) const;
  /// The member of a dict; undefined where it has none.
  [[nodiscard]] Value member(std::string_view key) const;

 private:
  using Data = std::variant<Undefined, None, bool, std::int64_t, std::string, std::shared_ptr<List>,
                            std::shared_ptr<Dict>, std::shared_ptr<Function>>;
  explicit Value(Data data) : data_(std::move(data)) {}
  template <class T>
  [[nodiscard]] bool holds() const {
    return std::holds_alternative<T>(data_);
  }
  template <class T>
  [[nodiscard]] const T& as(std::string_view wanted) const;
  Data data_;
};

}  // namespace lldm::jinja
